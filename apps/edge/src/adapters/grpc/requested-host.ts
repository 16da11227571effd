import { managementHost } from '@sallyport/connector-wire';

/** Lower-case host name or address with an optional port. */
const authority = /^(?:[a-z0-9](?:[a-z0-9._-]{0,253})|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Whether a host may stand in `:authority`. cloudflared answers its management host itself (spec §6), so no caller may name it. */
export function hostRefusal(host: string): 'request_malformed' | 'host_forbidden' | undefined {
  if (!authority.test(host)) return 'request_malformed';
  const name = host.replace(/:\d+$/, '').replace(/\.+$/, '');
  return name === managementHost ? 'host_forbidden' : undefined;
}

/** A path that the connector can parse: an invalid percent code makes the real client reset the stream (spec §3.1). */
export function isRequestPath(path: string): boolean {
  return /^(?:\/(?:[\x21-\x22\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*|\*)$/.test(path) && path.length <= 16_384;
}
