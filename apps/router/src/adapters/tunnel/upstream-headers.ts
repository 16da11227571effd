import type { HeaderPairs } from '../../ports/upstreams.ts';

/** Connection-specific fields (RFC 9110 §7.6.1) and what HTTP/2 forbids; `te` is kept as `trailers` only. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'trailer',
  'te',
  'host',
]);

/** Name and value pairs of Node's flat raw header list, without pseudo headers and what belongs to one connection. */
export function responsePairs(raw: readonly string[]): HeaderPairs {
  const pairs: (readonly [string, string])[] = [];
  const named = connectionNamed(raw);
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (!name.startsWith(':') && !hopByHop.has(name) && !named.has(name)) pairs.push([name, raw[at + 1] ?? '']);
  }
  return pairs;
}

/** Fields that a `Connection` header names belong to that connection too. */
function connectionNamed(raw: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if ((raw[at] ?? '').toLowerCase() !== 'connection') continue;
    for (const name of (raw[at + 1] ?? '').split(',')) names.add(name.trim().toLowerCase());
  }
  return names;
}

/** Pairs as the record that `node:http` and `node:http2` take; a repeated name becomes a list. */
export function headerRecord(pairs: HeaderPairs): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of pairs) {
    const present = record[name];
    record[name] = present === undefined ? value : [...(Array.isArray(present) ? present : [present]), value];
  }
  return record;
}
