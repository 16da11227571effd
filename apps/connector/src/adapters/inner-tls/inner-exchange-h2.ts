import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';

import type { HeaderPair } from '@sallyport/connector-wire';
import { parseTraceContext, type TraceContext } from '@sallyport/telemetry';

import { resetStream } from '@sallyport/http2-streams';
import { type Exchange, type ExchangeRefusal, refusalStatus } from '../origin/exchange.ts';

/** A router's request inside inner TLS, over HTTP/2. */
export class InnerH2Exchange implements Exchange {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Readable | undefined;
  readonly trace: TraceContext | undefined;
  readonly #stream: ServerHttp2Stream;
  #trailers: readonly HeaderPair[] = [];
  #hasTrailers = false;
  #ended = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.#stream = stream;
    this.method = headers[':method'] ?? '';
    this.host = (headers[':authority'] ?? headers.host ?? '').toLowerCase();
    this.path = headers[':path'] ?? '';
    this.headers = headerPairs(headers);
    this.body = stream.endAfterHeaders ? undefined : stream;
    this.trace = parseTraceContext(headers['traceparent']?.toString(), headers['tracestate']?.toString());
    stream.on('error', () => undefined);
  }

  respond(status: number, headers: readonly HeaderPair[], hasTrailers: boolean): ExchangeRefusal | undefined {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return undefined;
    this.#hasTrailers = hasTrailers;
    if (hasTrailers) {
      stream.once('wantTrailers', () => {
        if (!stream.destroyed) stream.sendTrailers(toOutgoing(this.#trailers));
      });
    }
    try {
      stream.respond({ ...toOutgoing(headers), ':status': status }, { waitForTrailers: hasTrailers });
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
    if (this.#hasTrailers) this.#trailers = trailers;
    this.#stream.end();
  }

  refuse(refusal: ExchangeRefusal): void {
    const stream = this.#stream;
    this.#ended = true;
    if (stream.destroyed) return;
    if (stream.headersSent) {
      resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    stream.respond({ ':status': refusalStatus[refusal], 'sallyport-reason': refusal }, { endStream: true });
    // What is left of the request is not wanted (RFC 9113 §8.1).
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  onAbort(listener: () => void): void {
    this.#stream.once('close', () => {
      if (!this.#ended) listener();
    });
  }
}

/** Pseudo headers left out; repeated fields as repeated pairs. */
export function headerPairs(headers: IncomingHttpHeaders): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || name.startsWith(':')) continue;
    if (typeof value === 'string') pairs.push([name, value]);
    else for (const each of value) pairs.push([name, each]);
  }
  return pairs;
}

export function toOutgoing(pairs: readonly HeaderPair[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of pairs) {
    const present = headers[name];
    if (present === undefined) headers[name] = value;
    else if (Array.isArray(present)) present.push(value);
    else headers[name] = [String(present), value];
  }
  return headers;
}
