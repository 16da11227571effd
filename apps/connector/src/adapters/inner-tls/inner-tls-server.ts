import { constants as cryptoConstants } from 'node:crypto';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { performServerHandshake, type ServerHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import type { EndToEndConfig } from '@sallyport/connector-wire';

import type { ConnectorSignals } from '../../signals.ts';
import type { OriginForwarder } from '../origin/origin-forwarder.ts';
import { type InnerCertificates, readInnerCertificates } from './inner-certificates.ts';
import { InnerH1Exchange } from './inner-exchange-h1.ts';
import { InnerH2Exchange } from './inner-exchange-h2.ts';
import { refusalOfHandshake, routerRefusal } from './router-identity.ts';

const handshakeTimeoutMs = 10_000;
const requestHeaderBytesMax = 64 * 1024;
const streamsPerSessionMax = 1_000;
const sessionMemoryMegabytesMax = 64;
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 8 * 1024 * 1024;

/**
 * The proxy's end of inner TLS. It takes byte streams, whoever carried them, and answers to nobody but a router that proves itself with a client
 * certificate of `router_ca`: so an edge can neither read a call nor originate one.
 */
export class InnerTlsServer {
  readonly #files: EndToEndConfig;
  readonly #forwarder: OriginForwarder;
  readonly #signals: ConnectorSignals;
  readonly #http1: HttpServer;
  readonly #reloadMs: number;
  #certificates: InnerCertificates | undefined;
  #server: Server | undefined;
  #reloadTimer: NodeJS.Timeout | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(files: EndToEndConfig, forwarder: OriginForwarder, signals: ConnectorSignals, reloadMs: number) {
    this.#files = files;
    this.#forwarder = forwarder;
    this.#signals = signals;
    this.#reloadMs = reloadMs;
    this.#http1 = createHttpServer(
      { maxHeaderSize: requestHeaderBytesMax, requestTimeout: 0, headersTimeout: handshakeTimeoutMs },
      (request, response) => this.#serve(new InnerH1Exchange(request, response)),
    );
    this.#http1.on('clientError', (_, socket) => socket.destroy());
  }

  /** Rejects with a sentence where the certificates are not usable. */
  async start(): Promise<void> {
    const read = await readInnerCertificates(this.#files);
    if (!read.ok) throw new Error(`x-sallyport: ${read.reason}`);
    this.#certificates = read.value;
    const server = createServer({
      ...read.value,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: handshakeTimeoutMs,
      // A resumed session would outlive a reload of the CA. Routers keep their connections instead.
      secureOptions: cryptoConstants.SSL_OP_NO_TICKET | cryptoConstants.SSL_OP_NO_RENEGOTIATION,
      sessionTimeout: 1,
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#signals.routerRefused(refusalOfHandshake(error, socket.authorizationError));
      socket.destroy();
    });
    this.#server = server;
    this.#reloadTimer = setInterval(() => {
      this.#reload().catch((error: unknown) => this.#signals.bug(error));
    }, this.#reloadMs);
    this.#reloadTimer.unref();
  }

  /** Takes over a byte stream; it is destroyed where its other end proves not to be our router. */
  accept(stream: Duplex): void {
    this.#server?.emit('connection', stream);
  }

  /** Routers keep their connections for the next call: tells them to go once their open requests are done. */
  drain(): void {
    for (const session of this.#sessions) session.close();
    this.#http1.closeIdleConnections();
  }

  stop(): void {
    clearInterval(this.#reloadTimer);
    this.#http1.closeAllConnections();
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    const refusal = routerRefusal(socket);
    if (refusal !== undefined) {
      this.#signals.routerRefused(refusal);
      socket.destroy();
      return;
    }
    if (socket.alpnProtocol !== 'h2') {
      this.#http1.emit('connection', socket);
      return;
    }
    const session = performServerHandshake(socket, {
      maxSessionMemory: sessionMemoryMegabytesMax,
      settings: {
        initialWindowSize: streamWindowBytes,
        maxConcurrentStreams: streamsPerSessionMax,
        maxHeaderListSize: requestHeaderBytesMax,
      },
    });
    this.#serveSession(session);
  }

  #serveSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    session.on('error', () => session.destroy());
    session.setLocalWindowSize(sessionWindowBytes);
    session.on('stream', (stream, headers) => this.#serve(new InnerH2Exchange(stream, headers)));
  }

  #serve(exchange: InnerH1Exchange | InnerH2Exchange): void {
    const wellFormed = exchange.path.startsWith('/') && exchange.host !== '' && exchange.method !== 'CONNECT';
    if (wellFormed) this.#forwarder.forward(exchange);
    else exchange.refuse('request_malformed');
  }

  async #reload(): Promise<void> {
    const read = await readInnerCertificates(this.#files);
    const now = this.#certificates;
    if (!read.ok) {
      this.#signals.certificatesUnusable(read.reason);
      return;
    }
    const { cert, key, ca } = read.value;
    if (now !== undefined && cert === now.cert && key === now.key && ca === now.ca) return;
    this.#certificates = read.value;
    this.#server?.setSecureContext({
      cert,
      key,
      ca,
      minVersion: 'TLSv1.2',
      secureOptions: cryptoConstants.SSL_OP_NO_TICKET | cryptoConstants.SSL_OP_NO_RENEGOTIATION,
      sessionTimeout: 1,
    });
    this.#signals.certificatesReloaded();
  }
}
