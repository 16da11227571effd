import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

import type { HeaderPair } from '@sallyport/connector-wire';
import { parseTraceContext, type TraceContext } from '@sallyport/telemetry';

import { type Exchange, type ExchangeRefusal, refusalStatus } from '../origin/exchange.ts';

/** A router's request inside inner TLS, over HTTP/1.1. */
export class InnerH1Exchange implements Exchange {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly HeaderPair[];
  readonly body: Readable | undefined;
  readonly trace: TraceContext | undefined;
  readonly #response: ServerResponse;
  #ended = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#response = response;
    this.method = request.method ?? '';
    this.host = (request.headers.host ?? '').toLowerCase();
    this.path = request.url ?? '';
    const pairs: HeaderPair[] = [];
    for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
      pairs.push([(request.rawHeaders[index] ?? '').toLowerCase(), request.rawHeaders[index + 1] ?? '']);
    }
    this.headers = pairs;
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    this.body = encoding === undefined && (length === undefined || length === '0') ? undefined : request;
    const { traceparent, tracestate } = request.headers;
    this.trace = parseTraceContext(traceparent?.toString(), tracestate?.toString());
  }

  respond(status: number, headers: readonly HeaderPair[]): ExchangeRefusal | undefined {
    try {
      this.#response.writeHead(status, headers.flat());
      this.#response.flushHeaders();
      return undefined;
    } catch {
      return 'upstream_malformed';
    }
  }

  write(chunk: Buffer): boolean {
    return this.#response.destroyed || this.#response.write(chunk);
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  end(trailers: readonly HeaderPair[]): void {
    this.#ended = true;
    if (trailers.length > 0 && this.#response.chunkedEncoding) {
      this.#response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
    }
    this.#response.end();
  }

  refuse(refusal: ExchangeRefusal): void {
    this.#ended = true;
    if (this.#response.headersSent) {
      this.#response.destroy();
      return;
    }
    this.#response.writeHead(refusalStatus[refusal], {
      'sallyport-reason': refusal,
      'content-length': 0,
      connection: 'close',
    });
    this.#response.end();
  }

  onAbort(listener: () => void): void {
    this.#response.once('close', () => {
      if (!this.#ended) listener();
    });
  }
}
