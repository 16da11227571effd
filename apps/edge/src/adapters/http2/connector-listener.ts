import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import { probeServerName, tunnelServerName } from '@sallyport/connector-wire';

import { AcceptLimit } from '../../domain/accept-limit.ts';
import { ConnectorSession, type SessionDependencies } from './connector-session.ts';

/** How long a probe may stay connected: it only looks whether TLS works (spec §1.1). */
const probeMs = 5_000;

/** The port that connectors dial. Until a connector has registered, everything it does is bounded in time, number and bytes. */
export class ConnectorListener {
  readonly #dependencies: SessionDependencies;
  readonly #accept: AcceptLimit;
  readonly #server: Server;

  constructor(dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
    const { listener } = dependencies;
    this.#accept = new AcceptLimit(listener.accept);
    this.#server = createServer({
      cert: readFileSync(listener.certFile),
      key: readFileSync(listener.keyFile),
      minVersion: 'TLSv1.2',
      handshakeTimeout: listener.handshakeTimeoutMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
    });
    this.#server.prependListener('connection', (socket: Socket) => this.#admit(socket));
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (_, socket) => {
      dependencies.signals.strangerRefused('handshake-failed', socket.remoteAddress ?? '');
      socket.destroy();
    });
  }

  /** Resolves with the bound port. */
  start(): Promise<number> {
    const { host, port } = this.#dependencies.listener;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        reject(
          new Error(`cannot listen for connectors on ${host}:${port}; choose another EDGE_CONNECTOR_PORT`, { cause }),
        );
      });
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Refuses newcomers, lets open streams finish for `drainMs`, then closes every connection. */
  async stop(drainMs: number): Promise<void> {
    const { register, connections } = this.#dependencies;
    register.drain();
    this.#server.close();
    for (const connection of connections.all()) connection.leave();
    const endsAtMs = Date.now() + drainMs;
    while (connections.size > 0 && Date.now() < endsAtMs) await new Promise((resolve) => setTimeout(resolve, 50));
    for (const connection of connections.all()) connection.end('edge-stopped');
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const refusal = this.#accept.accept(address, Date.now());
    if (refusal !== undefined) {
      this.#dependencies.signals.strangerRefused(refusal, address);
      socket.destroy();
      return;
    }
    socket.once('close', () => this.#accept.closed(address));
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    if (socket.servername === tunnelServerName) {
      ConnectorSession.begin(socket, this.#dependencies);
    } else if (socket.servername === probeServerName) {
      socket.setTimeout(probeMs, () => socket.destroy());
      socket.resume();
      socket.once('end', () => socket.destroy());
      setTimeout(() => socket.destroy(), probeMs).unref();
    } else {
      this.#dependencies.signals.strangerRefused('unknown-server-name', socket.remoteAddress ?? '');
      socket.destroy();
    }
  }
}
