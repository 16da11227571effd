import { fail, ok, type Result } from '@sallyport/result';

export interface TunnelTarget {
  /** `<subdomain>.<tunnel domain>`, lower case, without port. */
  readonly host: string;
  /** Path and query for the upstream, byte for byte as they were sent. */
  readonly path: string;
}

/** The tools of a sandbox session. */
export interface SessionTarget {
  readonly sessionId: string;
}

export type RequestTarget = TunnelTarget | SessionTarget;

/** Two labels at least; the last one is no number, so that an IPv4 address is none. */
const hostShape =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** What a client or proxy may put into a request line; the rest would be read differently by different servers. */
const pathShape = /^\/[\x21-\x7e]*$/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;
/** The private side chooses what a path reaches; a server that resolves such a segment afterwards would reach something else. */
const dotSegment = /^[^?]*(?:\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:\/|\\|%2f|%5c|\?|$)/i;

const sessionPath = /^\/v1\/sessions\/([\w-]{1,64})\/mcp(?:\?.*)?$/;

/** The metadata of a resource is before the path that it is about (RFC 9728 §3.1). */
const tunnelPath = /^(\/\.well-known\/oauth-protected-resource)?\/t\/([^/?]+)(\/[^?]*)?(\?.*)?$/;

/**
 * Where a request is meant to go: by its Host header, or, where the router is addressed by one of its own names, by the path:
 * `/t/<host>/…` for a tunnel, `/v1/sessions/<id>/mcp` for a session. A host that is neither is not served.
 */
export function requestTarget(
  hostHeader: string | undefined,
  url: string,
  ownHosts: ReadonlySet<string>,
): Result<RequestTarget, 'bad-path' | 'host-not-served'> {
  if (!pathShape.test(url) || url.includes('#') || brokenEscape.test(url) || dotSegment.test(url))
    return fail('bad-path');
  const authority = (hostHeader ?? '').toLowerCase();
  if (!ownHosts.has(authority)) {
    const host = authority.replace(/:\d{1,5}$/, '');
    return hostShape.test(host) && !ownHosts.has(host) ? ok({ host, path: url }) : fail('host-not-served');
  }
  const sessionId = sessionPath.exec(url)?.[1];
  if (sessionId !== undefined) return ok({ sessionId });
  const [, before = '', host = '', path = before === '' ? '/' : '', query = ''] = tunnelPath.exec(url) ?? [];
  return hostShape.test(host) ? ok({ host, path: `${before}${path}${query}` }) : fail('host-not-served');
}
