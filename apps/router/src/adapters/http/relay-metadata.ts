import { BytePieces } from '@sallyport/mcp-wire';
import type { UpstreamResponse } from '../../ports/upstreams.ts';
import type { ClientResponse } from './client-response.ts';
import { bodyKind, pump } from './relay-plain.ts';

const metadataBytesMax = 64 * 1024;
const wellKnown = '/.well-known/oauth-protected-resource';

/**
 * Where a private server says which authorization server guards it (RFC 9728 §3.1). A path that some servers read as another one is none: with parameters
 * (`..;`), escapes or empty segments.
 */
export function isResourceMetadata(path: string): boolean {
  const [resource = ''] = path.split('?');
  return (resource === wellKnown || resource.startsWith(`${wellKnown}/`)) && !/[;%\\]|\/\//.test(resource);
}

/** Passes the document on, whole or not at all: a JSON object with a `resource`, at most `metadataBytesMax`. */
export async function relayMetadata(upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const pieces = new BytePieces();
  const isJson = bodyKind(upstream) === 'json';
  if (isJson)
    await pump(upstream.body, (chunk) => {
      pieces.push(chunk);
      if (pieces.length > metadataBytesMax) upstream.body.destroy();
    });
  const document = pieces.join();
  if (!isJson || document.length > metadataBytesMax || !upstream.body.readableEnded || !isMetadata(document)) {
    upstream.body.destroy();
    return client.error({ code: 'upstream_malformed', data: { reason: 'not_resource_metadata' } });
  }
  client.head(upstream.status, upstream.headers);
  client.write(document);
  client.end();
}

/** `resource` is what every such document has (RFC 9728 §2). */
function isMetadata(json: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(json.toString());
    return typeof value === 'object' && value !== null && 'resource' in value && typeof value.resource === 'string';
  } catch {
    return false;
  }
}
