import type { Readable } from 'node:stream';
import type { Result } from '@sallyport/result';
import type { Route } from './routes.ts';

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderPairs;
  /** Pieces of the body; undefined for a request without one. */
  readonly body: readonly Uint8Array[] | undefined;
  readonly clientIp: string;
}

/** Why the tunnel gave no answer, or broke one off. `sent` tells whether the upstream may have seen the request. */
export interface UpstreamFailure {
  readonly code:
    | 'tunnel_unreachable'
    | 'inner_tls_refused'
    | 'stream_lost'
    | 'upstream_unreachable'
    | 'upstream_timeout'
    | 'upstream_malformed';
  /** A stable detail, for instance why inner TLS was refused. */
  readonly reason: string;
  /** A sentence for a person, without payload. */
  readonly sentence: string;
  readonly sent: boolean;
}

export interface UpstreamResponse {
  readonly status: number;
  /** As the service sent them, hop-by-hop ones removed. */
  readonly headers: HeaderPairs;
  /** Closes without `end` where it was broken off. Destroying it tells the upstream to stop. */
  readonly body: Readable;
  /** Why the body was broken off. */
  broken(): UpstreamFailure;
}

export interface UpstreamExchange {
  readonly response: Promise<Result<UpstreamResponse, UpstreamFailure>>;
  /** Tells the upstream to stop, also before it answered. Afterwards `response` may be a failure. */
  cancel(): void;
}

/** Carries a request to the private MCP server. Nothing is sent twice. */
export abstract class Upstreams {
  abstract send(route: Route, request: UpstreamRequest): UpstreamExchange;
}
