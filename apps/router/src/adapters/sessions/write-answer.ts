import type { GatewayErrorInput } from '@sallyport/mcp-wire';
import type { ClientResponse } from '../http/client-response.ts';

/** Hop-by-hop: how our own connection goes on is not the SDK's to say. */
const droppedHeaders: ReadonlySet<string> = new Set(['connection', 'content-length']);

/**
 * Writes the SDK's response to the client. The head waits for the first piece of the body, so that a failure before it has its own status. A
 * client that went away is written to in vain, and the body still read to its end: who may stop it is decided elsewhere.
 */
export async function writeAnswer(
  response: Response,
  client: ClientResponse,
  failure: () => GatewayErrorInput | undefined,
): Promise<void> {
  const reader = response.body?.getReader();
  const piece = await reader?.read();
  const failed = failure();
  if (failed !== undefined) {
    client.error(failed);
    await reader?.cancel();
    return;
  }
  const headers = [...response.headers].filter(([name]) => !droppedHeaders.has(name));
  client.head(response.status, headers, reader === undefined ? 0 : undefined);
  for (let next = piece; next?.done === false; next = await reader?.read())
    if (!client.write(next.value)) await client.drained();
  client.end();
}
