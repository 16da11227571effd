import type { HeaderPairs } from '../../ports/upstreams.ts';

/** The caller's credentials and what is addressed to gateways, what belongs to one connection, and what only a gateway may assert. */
const never = new Set([
  'proxy-authorization',
  'x-api-key',
  'cookie',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'trailer',
  'expect',
  'content-length',
  'accept-encoding',
  'traceparent',
  'tracestate',
  'forwarded',
  'x-real-ip',
  'x-accel-buffering',
  'x-original-url',
  'x-rewrite-url',
]);
const neverPrefix = /^(?:x-forwarded-|cf-|sallyport-|proxy-)/;

/** Keys of ours: whoever shows one to a private server gives it away. */
const ownKey = /(?:sk|ek)-sallyport-/i;
/** The scheme of tokens (RFC 6750). Others, such as NTLM, prove who speaks on a connection, and connections are shared. */
const bearerToken = /^Bearer +[\w.~+/-]+=*$/i;

/**
 * The headers that go on to the private server. A bearer token goes on where the caller has shown its key in `X-Api-Key`: then it is for that server. `raw` is Node's flat list. A header that carries the caller's credential under whatever
 * name is dropped too. Bodies come back unencoded, because they are inspected.
 */
export function forwardHeaders(raw: readonly string[], credential: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  const named = connectionNamed(raw);
  const isKeyedApart = raw.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'x-api-key');
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    const value = raw[at + 1] ?? '';
    if (name === 'authorization' && (!isKeyedApart || !bearerToken.test(value))) continue;
    if (
      never.has(name) ||
      neverPrefix.test(name) ||
      named?.has(name) === true ||
      value.includes(credential) ||
      ownKey.test(value)
    )
      continue;
    pairs.push([name, value]);
  }
  pairs.push(['accept-encoding', 'identity']);
  return pairs;
}

function connectionNamed(raw: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if ((raw[at] ?? '').toLowerCase() !== 'connection') continue;
    for (const name of (raw[at + 1] ?? '').split(',')) (names ??= new Set()).add(name.trim().toLowerCase());
  }
  return names;
}

export function headerOf(pairs: HeaderPairs, name: string): string | undefined {
  return pairs.find(([candidate]) => candidate === name)?.[1];
}
