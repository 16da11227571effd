import type { Readable } from 'node:stream';

import type { HeaderPair } from '@sallyport/connector-wire';
import type { TraceContext } from '@sallyport/telemetry';

/** Why a request was not answered by the service it was for. Sent as `sallyport-reason`. */
export type ExchangeRefusal = keyof typeof refusalStatus;

export const refusalStatus = {
  no_ingress_rule: 404,
  request_malformed: 400,
  upstream_unresolved: 502,
  upstream_address_refused: 403,
  upstream_unreachable: 502,
  upstream_timeout: 504,
  upstream_tls_failed: 502,
  upstream_malformed: 502,
  upstream_closed: 502,
  response_headers_too_large: 502,
} as const satisfies Record<string, number>;

/** One request and the way back to whoever asked, whatever carries it: a tunnel stream, inner HTTP/2 or inner HTTP/1.1. */
export interface Exchange {
  readonly method: string;
  /** Lower case, a port may follow. */
  readonly host: string;
  /** Path and query as sent. */
  readonly path: string;
  readonly headers: readonly HeaderPair[];
  /** Undefined where no body follows. */
  readonly body: Readable | undefined;
  readonly trace: TraceContext | undefined;
  /** Begins the answer. A refusal: it cannot be sent like this, and nothing was. */
  respond(status: number, headers: readonly HeaderPair[], hasTrailers: boolean): ExchangeRefusal | undefined;
  /** False: wait for `onDrain` before writing more. */
  write(chunk: Buffer): boolean;
  onDrain(listener: () => void): void;
  end(trailers: readonly HeaderPair[]): void;
  /** Answers an error, or cuts an answer that has begun. */
  refuse(refusal: ExchangeRefusal): void;
  /** Once, where the asker left before `end` or `refuse`. */
  onAbort(listener: () => void): void;
}
