import { proxySourceHeader, upgradeHeader } from './header-names.ts';

export type StreamKind = 'configuration' | 'websocket' | 'tcp' | 'control' | 'http';

/** What an edge-opened stream is, by its request headers (lower-case names); the first match wins (spec §2.1). */
export function streamKind(headers: Readonly<Record<string, string | readonly string[] | undefined>>): StreamKind {
  const upgrade = headers[upgradeHeader];
  if (upgrade === 'update-configuration') return 'configuration';
  if (upgrade === 'websocket') return 'websocket';
  const source = headers[proxySourceHeader];
  if (source !== undefined && source.length > 0) return 'tcp';
  return upgrade === 'control-stream' ? 'control' : 'http';
}
