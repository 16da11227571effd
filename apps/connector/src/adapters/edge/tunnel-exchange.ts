import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';

import {
  connectorMeta,
  encodeResponseHeaders,
  type HeaderPair,
  originMeta,
  responseHeadersHeader,
  responseMetaHeader,
} from '@sallyport/connector-wire';
import { parseTraceContext, type TraceContext } from '@sallyport/telemetry';

import { headerPairs, toOutgoing } from '../inner-tls/inner-exchange-h2.ts';
import { resetStream } from '@sallyport/http2-streams';
import type { Exchange, ExchangeRefusal } from '../origin/exchange.ts';

/** A request in transport mode: one stream of the edge; the service's headers travel as one serialised block (spec §3.2). */
export class TunnelExchange implements Exchange {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Readable | undefined;
  readonly trace: TraceContext | undefined;
  readonly #stream: ServerHttp2Stream;
  #trailers: readonly HeaderPair[] = [];
  #ended = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.method = headers[':method'] ?? '';
    this.host = headers[':authority'] ?? '';
    this.path = headers[':path'] ?? '';
    this.headers = headerPairs(headers);
    this.body = stream.endAfterHeaders ? undefined : stream;
    this.trace = parseTraceContext(headers['traceparent']?.toString(), headers['tracestate']?.toString());
  }

  respond(status: number, headers: readonly HeaderPair[], hasTrailers: boolean): ExchangeRefusal | undefined {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return undefined;
    const block = encodeResponseHeaders(headers);
    if (!block.ok) return 'response_headers_too_large';
    const length = headers.find(([name]) => name === 'content-length')?.[1];
    if (hasTrailers) {
      stream.once('wantTrailers', () => {
        if (!stream.destroyed) stream.sendTrailers(toOutgoing(this.#trailers));
      });
    }
    try {
      stream.respond(
        {
          // HTTP/2 has no 101, and Node sends no status below 200 or above 599 as a final one.
          ':status': status < 200 || status > 599 ? 200 : status,
          [responseHeadersHeader]: block.value,
          [responseMetaHeader]: originMeta,
          ...(length === undefined || this.method === 'HEAD' ? {} : { 'content-length': length }),
        },
        { waitForTrailers: hasTrailers },
      );
      return undefined;
    } catch {
      return 'upstream_malformed';
    }
  }

  write(chunk: Buffer): boolean {
    return this.#stream.destroyed || this.#stream.write(chunk);
  }

  onDrain(listener: () => void): void {
    this.#stream.on('drain', listener);
  }

  end(trailers: readonly HeaderPair[]): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#stream.end();
  }

  refuse(refusal: ExchangeRefusal): void {
    this.#ended = true;
    refuseStream(this.#stream, refusal);
  }

  onAbort(listener: () => void): void {
    this.#stream.once('close', () => {
      if (!this.#ended) listener();
    });
  }
}

/** The answer for what this connector did not ask any service: 502, and why (spec §3.2). */
export function refuseStream(stream: ServerHttp2Stream, reason: string): void {
  if (stream.destroyed) return;
  if (stream.headersSent) {
    resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR);
    return;
  }
  stream.respond(
    { ':status': 502, [responseHeadersHeader]: '', [responseMetaHeader]: connectorMeta, 'sallyport-reason': reason },
    { endStream: true },
  );
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}
