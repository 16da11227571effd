import { fail } from '@sallyport/result';
import type { Route } from '../../ports/routes.ts';
import { type UpstreamExchange, type UpstreamRequest, Upstreams } from '../../ports/upstreams.ts';
import { type Edges, unreachable } from '../grpc/edges.ts';
import type { InnerConnections } from './inner-connections.ts';
import { sendInTransportMode } from '../grpc/transport-exchange.ts';

export interface UpstreamLimits {
  /** How long the private server may take until its response begins. */
  readonly responseHeadMsMax: number;
}

/** Tunnels, in the mode of each. */
export class TunnelUpstreams extends Upstreams {
  readonly #edges: Edges;
  readonly #connections: InnerConnections;
  readonly #limits: UpstreamLimits;

  constructor(edges: Edges, connections: InnerConnections, limits: UpstreamLimits) {
    super();
    this.#edges = edges;
    this.#connections = connections;
    this.#limits = limits;
  }

  override send(route: Route, request: UpstreamRequest): UpstreamExchange {
    const { responseHeadMsMax } = this.#limits;
    const traceparent = request.headers.find(([name]) => name === 'traceparent')?.[1] ?? '';
    if (route.mode === 'transport')
      return sendInTransportMode(this.#edges, route, request, { traceparent, responseHeadMsMax });
    let exchange: UpstreamExchange | undefined;
    let cancelled = false;
    const response = this.#connections.acquire(route, traceparent).then(async (connection) => {
      if (!connection.ok) return connection;
      if (cancelled) return fail(unreachable('cancelled', 'The request was cancelled; nothing was sent.'));
      exchange = connection.value.send(route, request, responseHeadMsMax);
      return exchange.response;
    });
    return {
      response,
      cancel: () => {
        cancelled = true;
        exchange?.cancel();
      },
    };
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** After the last request: what is still under way is cut. */
  stop(): Promise<void> {
    this.#connections.close();
    this.#edges.close();
    return Promise.resolve();
  }
}
