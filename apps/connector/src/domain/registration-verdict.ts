/**
 * Whether a refused registration is final for a process that was never registered. The words are those that `cloudflared` goes by (spec §4.4), so that
 * one edge serves both.
 */
export function isFinalRefusal(cause: string): boolean {
  return !cause.includes('Unauthorized') && cause !== 'EDUPCONN';
}
