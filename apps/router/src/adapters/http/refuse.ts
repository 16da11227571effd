import type { IncomingMessage } from 'node:http';
import type { GatewayErrorCode } from '@sallyport/mcp-wire';
import type { ClientResponse } from './client-response.ts';

/** Answers without reading the body: the connection cannot be used again then. */
export function refuse(
  incoming: IncomingMessage,
  client: ClientResponse,
  code: GatewayErrorCode,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all: Record<string, string> = { ...headers };
  if (!incoming.complete) all['connection'] = 'close';
  if (code === 'unauthenticated') all['www-authenticate'] = 'Bearer realm="sallyport"';
  client.error({ code }, all);
}
