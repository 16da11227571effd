import type { FetchLike } from '@modelcontextprotocol/client';

export interface TunnelRoute {
  /** `http://<router>/t/<host>`, of a tunnel to the switch of ports. */
  readonly url: string;
  readonly apiKey: string;
}

const metadataPath = '/.well-known/oauth-protected-resource';

/**
 * Sends what a client wants of its server through the tunnel: the MCP endpoint, and the metadata that authorization begins with. Authorization servers
 * are asked directly, they are public. The key goes as `X-Api-Key`: `Authorization` is the server's.
 */
export function throughTunnel(server: URL, { url, apiKey }: TunnelRoute): FetchLike {
  return (input, init) => {
    const asked = new URL(input);
    const isMetadata = asked.pathname === metadataPath || asked.pathname.startsWith(`${metadataPath}/`);
    if (asked.origin !== server.origin || !(isMetadata || asked.pathname === server.pathname))
      return fetch(input, init);
    const headers = new Headers(init?.headers);
    headers.set('x-api-key', apiKey);
    const [before, path] = isMetadata
      ? [metadataPath, asked.pathname.slice(metadataPath.length)]
      : ['', asked.pathname];
    return fetch(`${url}${before}/${server.port}${path}${asked.search}`, { ...init, headers });
  };
}
