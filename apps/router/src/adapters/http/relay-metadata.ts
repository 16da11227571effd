import { BytePieces } from '@sallyport/mcp-wire';
import type { UpstreamResponse } from '../../ports/upstreams.ts';
import type { ClientResponse } from './client-response.ts';
import { bodyKind, pump } from './relay-plain.ts';

const metadataBytesMax = 64 * 1024;
const wellKnown = '/.well-known/oauth-protected-resource';

/** Where a private server says which authorization server guards it (RFC 9728 §3.1). */
export function isResourceMetadata(path: string): boolean {
  return path === wellKnown || path.startsWith(`${wellKnown}/`) || path.startsWith(`${wellKnown}?`);
}

/** Passes the document on, whole or not at all: one JSON value, at most `metadataBytesMax`. */
export async function relayMetadata(upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const pieces = new BytePieces();
  const isJson = bodyKind(upstream) === 'json';
  if (isJson)
    await pump(upstream.body, (chunk) => {
      pieces.push(chunk);
      if (pieces.length > metadataBytesMax) upstream.body.destroy();
    });
  const document = pieces.join();
  if (!isJson || document.length > metadataBytesMax || !upstream.body.readableEnded || !isObject(document)) {
    upstream.body.destroy();
    return client.error({ code: 'upstream_malformed', data: { reason: 'not_resource_metadata' } });
  }
  client.head(upstream.status, upstream.headers);
  client.write(document);
  client.end();
}

function isObject(json: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(json.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
