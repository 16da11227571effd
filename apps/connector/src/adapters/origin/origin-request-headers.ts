import type { HeaderPair } from '@sallyport/connector-wire';
import type { TraceContext } from '@sallyport/telemetry';

import type { Exchange } from './exchange.ts';

/** Of one connection, or steering the tunnel: never passed to a service. `expect` is answered by whoever faces the caller. */
const dropped = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'tracestate',
  'traceparent',
  'upgrade',
]);
const droppedPrefixes = ['cf-cloudflared-', 'sallyport-', ':'];

/**
 * The headers of the request to the service: the caller's without hop-by-hop ones, Host (the caller's own, or `httpHostHeader` with the caller's in
 * `x-forwarded-host`), and our trace context.
 */
export function originRequestHeaders(
  exchange: Pick<Exchange, 'headers' | 'host'>,
  httpHostHeader: string,
  trace: TraceContext,
): HeaderPair[] {
  const headers: HeaderPair[] = [['host', httpHostHeader === '' ? exchange.host : httpHostHeader]];
  const named = connectionNames(exchange.headers);
  for (const [name, value] of exchange.headers) {
    if (dropped.has(name) || named.has(name) || droppedPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    if (name === 'x-forwarded-host' && httpHostHeader !== '') continue;
    headers.push([name, value]);
  }
  if (httpHostHeader !== '') headers.push(['x-forwarded-host', exchange.host]);
  headers.push(['traceparent', trace.traceparent]);
  if (trace.tracestate !== undefined) headers.push(['tracestate', trace.tracestate]);
  return headers;
}

function connectionNames(headers: readonly HeaderPair[]): ReadonlySet<string> {
  const named = new Set<string>();
  for (const [name, value] of headers) {
    if (name === 'connection') for (const token of value.split(',')) named.add(token.trim().toLowerCase());
  }
  return named;
}
