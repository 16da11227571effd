import type { HeaderPair } from './header-names.ts';

/** Of one connection, never forwarded (RFC 9110 §7.6.1, and the ones that HTTP/2 forbids). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'http2-settings',
]);

/** Names that steer a connector, or that we assert ourselves: a caller's own are deleted (spec §2.1 SECURITY). */
const assertedPrefixes = ['cf-cloudflared-', 'cf-int-', 'cf-proxy-', 'cf-warp-tag-', 'x-forwarded-', 'sallyport-'];
const assertedNames = new Set([
  'cf-trace-id',
  'uber-trace-id',
  'cf-access-jump-destination',
  'cf-connecting-ip',
  'cf-ray',
  'cf-access-jwt-assertion',
  'forwarded',
]);

const responsePrefixes = ['cf-cloudflared-', 'cf-int-', 'cf-proxy-', 'sallyport-'];

/**
 * A caller's request headers as an edge may forward them: without hop-by-hop fields, those that `connection` names, `host`, pseudo headers,
 * `te` other than `trailers`, and every header that is ours to assert. Names come out in lower case.
 */
export function forwardableRequestHeaders(headers: readonly HeaderPair[]): HeaderPair[] {
  return withoutHopByHop(headers, (name, value) => {
    if (name === 'host' || assertedNames.has(name)) return false;
    if (name === 'te') return value.trim().toLowerCase() === 'trailers';
    return !assertedPrefixes.some((prefix) => name.startsWith(prefix));
  });
}

/** A service's response headers as they may go on to the caller. `upgrade` stays on a WebSocket answer. */
export function forwardableResponseHeaders(headers: readonly HeaderPair[], websocket: boolean): HeaderPair[] {
  const kept = withoutHopByHop(headers, (name) => {
    if (name === 'te') return false;
    return !responsePrefixes.some((prefix) => name.startsWith(prefix));
  });
  if (websocket) kept.push(['connection', 'Upgrade'], ['upgrade', 'websocket']);
  return kept;
}

function withoutHopByHop(headers: readonly HeaderPair[], keep: (name: string, value: string) => boolean): HeaderPair[] {
  const named = namedByConnection(headers);
  const kept: HeaderPair[] = [];
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    if (name === '' || name.startsWith(':') || hopByHop.has(name) || named?.has(name)) continue;
    if (keep(name, value)) kept.push([name, value]);
  }
  return kept;
}

function namedByConnection(headers: readonly HeaderPair[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (const [name, value] of headers) {
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    named ??= new Set();
    for (const token of value.split(',')) named.add(token.trim().toLowerCase());
  }
  return named;
}
