import type { TLSSocket } from 'node:tls';
import { fail, ok, type Result } from '@sallyport/result';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamFailure } from '../../ports/upstreams.ts';
import { unreachable } from '../grpc/edges.ts';
import { InnerHttp1 } from './inner-http1.ts';
import { InnerHttp2, type TunnelStream } from './inner-http2.ts';
import { innerTlsFailure, openInnerTls, type RouterIdentity } from './inner-tls.ts';

/** Calls on one connection before another is opened, and at most. */
const streamsPreferredMax = 64;
const streamsMax = 1_000;
const connectionsMax = 4;
/** Calls at once where each takes a connection of its own. */
const http1CallsMax = 256;
/** Every name below a tunnel's domain leads to it: a client may not open connections for as many names as it can think of. */
const hostsPerTunnelMax = 64;

/** Where byte streams to a tunnel's proxy come from: the edges. */
export interface ByteStreams {
  openByteStream(tunnelId: string, host: string, traceparent: string): Promise<Result<TunnelStream, UpstreamFailure>>;
}

interface Pool {
  readonly caSetId: string;
  readonly http2: InnerHttp2[];
  http1?: InnerHttp1;
  opening?: Promise<Result<InnerHttp2 | InnerHttp1, UpstreamFailure>>;
}

/**
 * Inner TLS connections by tunnel and host. A change of the tunnel's CA certificates retires every connection that was made under the old set:
 * new calls prove the proxy anew.
 */
export class InnerConnections {
  readonly #edges: ByteStreams;
  readonly #identity: RouterIdentity;
  /** By tunnel, then by host. Only what has a connection, or opens one, is here. */
  readonly #pools = new Map<string, Map<string, Pool>>();

  constructor(edges: ByteStreams, identity: RouterIdentity) {
    this.#edges = edges;
    this.#identity = identity;
  }

  async acquire(route: Route, traceparent: string): Promise<Result<InnerHttp2 | InnerHttp1, UpstreamFailure>> {
    if (route.caCertificatesPem.length === 0) {
      return fail({
        code: 'inner_tls_refused',
        reason: 'no_registered_ca',
        sentence: 'No CA certificate is registered on this tunnel: register the CA that signs the proxy’s certificate.',
        sent: false,
      });
    }
    const pool = this.#poolOf(route);
    if (pool === undefined)
      return fail(unreachable('too_many_hosts', 'Too many hosts of this tunnel are in use; nothing was sent.'));
    if (pool.http1 !== undefined) return pool.http1.active < http1CallsMax ? ok(pool.http1) : fail(tooManyCalls);
    const least = leastActive(pool.http2);
    if (least !== undefined && (least.active < streamsPreferredMax || pool.http2.length >= connectionsMax))
      return least.active < streamsMax ? ok(least) : fail(tooManyCalls);
    const opening = pool.opening ?? this.#open(route, pool, traceparent);
    pool.opening = opening;
    if (least !== undefined) {
      void opening; // the next calls will find it; this one goes where it can
      return ok(least);
    }
    return opening;
  }

  close(): void {
    for (const ofTunnel of this.#pools.values()) {
      for (const pool of ofTunnel.values()) {
        for (const connection of pool.http2.slice()) connection.destroy();
        pool.http1?.destroy();
      }
    }
    this.#pools.clear();
  }

  #poolOf({ tunnelId, host, caSetId }: Route): Pool | undefined {
    const ofTunnel = this.#pools.get(tunnelId) ?? new Map<string, Pool>();
    const known = ofTunnel.get(host);
    if (known?.caSetId === caSetId) return known;
    if (known === undefined && ofTunnel.size >= hostsPerTunnelMax) {
      const idle = [...ofTunnel].find(([, pool]) => isIdle(pool));
      if (idle === undefined) return undefined;
      ofTunnel.delete(idle[0]);
      retire(idle[1]);
    }
    if (known !== undefined) retire(known);
    const pool: Pool = { caSetId, http2: [] };
    this.#pools.set(tunnelId, ofTunnel.set(host, pool));
    return pool;
  }

  #forget({ tunnelId, host }: Route, pool: Pool): void {
    const ofTunnel = this.#pools.get(tunnelId);
    if (pool.http2.length > 0 || pool.http1 !== undefined || pool.opening !== undefined) return;
    if (ofTunnel?.get(host) !== pool) return;
    ofTunnel.delete(host);
    if (ofTunnel.size === 0) this.#pools.delete(tunnelId);
  }

  async #open(
    route: Route,
    pool: Pool,
    traceparent: string,
  ): Promise<Result<InnerHttp2 | InnerHttp1, UpstreamFailure>> {
    try {
      const opened = await this.#openSocket(route, traceparent);
      if (!opened.ok) return opened;
      return ok(this.#connectionOf(route, pool, opened.value, traceparent));
    } catch {
      return fail(innerTlsFailure('handshake_failed'));
    } finally {
      delete pool.opening;
      this.#forget(route, pool);
    }
  }

  #connectionOf(
    route: Route,
    pool: Pool,
    { socket, stream }: { readonly socket: TLSSocket; readonly stream: TunnelStream },
    traceparent: string,
  ): InnerHttp2 | InnerHttp1 {
    if (socket.alpnProtocol === 'h2') {
      const connection = new InnerHttp2(socket, stream, route.host, () => {
        const at = pool.http2.indexOf(connection);
        if (at >= 0) pool.http2.splice(at, 1);
        this.#forget(route, pool);
      });
      pool.http2.push(connection);
      return connection;
    }
    const connection = new InnerHttp1(
      socket,
      async () => {
        const another = await this.#openSocket(route, traceparent);
        return another.ok ? ok(another.value.socket) : another;
      },
      () => {
        connection.retire();
        if (pool.http1 === connection) delete pool.http1;
        this.#forget(route, pool);
      },
    );
    pool.http1 = connection;
    return connection;
  }

  async #openSocket(route: Route, traceparent: string) {
    const stream = await this.#edges.openByteStream(route.tunnelId, route.host, traceparent);
    if (!stream.ok) return stream;
    const socket = await openInnerTls(stream.value, route.host, route.caCertificatesPem, this.#identity);
    return socket.ok ? ok({ socket: socket.value, stream: stream.value }) : socket;
  }
}

const tooManyCalls = unreachable('too_many_calls', 'This tunnel carries as many calls as it can; nothing was sent.');

function isIdle({ http1, http2, opening }: Pool): boolean {
  return opening === undefined && (http1?.active ?? 0) === 0 && http2.every((connection) => connection.active === 0);
}

function retire(pool: Pool): void {
  for (const connection of pool.http2.slice()) connection.retire();
  pool.http1?.retire();
}

function leastActive(connections: readonly InnerHttp2[]): InnerHttp2 | undefined {
  let least: InnerHttp2 | undefined;
  for (const connection of connections) {
    if (!connection.closed && (least === undefined || connection.active < least.active)) least = connection;
  }
  return least;
}
