/** SQLSTATE classes and codes that speak of the server's state, not of the statement: PostgreSQL manual, appendix A. */
const serverStates = /^(08|53|57P0[1-5]|25006|25P03)/;
const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EACCES',
]);
const driverMessages =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout/i;

/** True where the database could not be asked at all (down, restarting, out of connections, disk full), so that a retry may help. */
export function isPgUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return serverStates.test(code) || socketCodes.has(code) || driverMessages.test(error.message);
}
