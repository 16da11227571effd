import { randomBytes } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';

import {
  EdgeControlSession,
  type EdgeControlEvent,
  type RegistrationRequest,
  upgradeHeader,
  uuidText,
} from '@sallyport/connector-wire';
import { EagerWrites } from '@sallyport/http2-streams';

import type { RegisterConnection } from '../../application/register-connection.ts';
import type { ListenerConfig, StreamsConfig } from '../../config.ts';
import { type RegistrationRefusal, causeByRefusal } from '../../domain/registration-refusal.ts';
import type { EdgeSignals } from '../../signals.ts';
import { ConnectorConnection } from './connector-connection.ts';
import type { LiveConnections } from './live-connections.ts';

export interface SessionDependencies {
  readonly register: RegisterConnection;
  readonly connections: LiveConnections;
  readonly signals: EdgeSignals;
  readonly listener: ListenerConfig;
  readonly streams: StreamsConfig;
}

/** Node's default of 64 KiB allows 1.4 MB/s at 40 ms (spec §2). */
const connectionWindowBytes = 32 * 1024 * 1024;
const sessionMemoryMegabytesMax = 128;
/** More than twice the window of our connector (32 MiB): a write that is under way counts whole until all of it is gone. */
const unsentBytesMax = 80 * 1024 * 1024;
/** A refused client never closes; it must have read why before we do (spec §4.4). */
const closeAfterRefusalMs = 250;
/** Answers that a connector may leave unread on its control stream. */
const controlBacklogBytesMax = 64 * 1024;

/** One accepted TLS connection, from the HTTP/2 preface to its end: opens the control stream, registers, and keeps both ends informed. */
export class ConnectorSession {
  readonly #dependencies: SessionDependencies;
  readonly #socket: TLSSocket;
  readonly #remoteAddress: string;
  readonly #session: ClientHttp2Session;
  readonly #control = new EdgeControlSession();
  readonly #registerTimer: NodeJS.Timeout;
  #stream: ClientHttp2Stream | undefined;
  #registering = false;
  #connection: ConnectorConnection | undefined;

  /** The session lives as long as its socket. */
  static begin(socket: TLSSocket, dependencies: SessionDependencies): ConnectorSession {
    return new ConnectorSession(socket, dependencies);
  }

  private constructor(socket: TLSSocket, dependencies: SessionDependencies) {
    this.#dependencies = dependencies;
    this.#socket = socket;
    this.#remoteAddress = socket.remoteAddress ?? '';
    this.#registerTimer = setTimeout(
      () => this.#refuseStranger('not-registered-in-time'),
      dependencies.listener.registerTimeoutMs,
    );
    this.#session = connect('https://edge.invalid', {
      createConnection: () => new EagerWrites(socket, unsentBytesMax),
      settings: { enablePush: false, initialWindowSize: dependencies.streams.streamWindowBytes },
      maxSessionMemory: sessionMemoryMegabytesMax,
    });
    this.#session.on('error', () => this.#session.destroy());
    this.#session.once('connect', () => this.#openControlStream());
    this.#session.once('close', () => this.#closed());
  }

  #openControlStream(): void {
    if (this.#session.destroyed) return;
    this.#session.setLocalWindowSize(connectionWindowBytes);
    const stream = this.#session.request(
      { ':method': 'GET', ':path': '/', ':authority': 'control', [upgradeHeader]: 'control-stream' },
      { endStream: false },
    );
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', () => undefined);
    stream.once('close', () => {
      // Without its control stream a connector cannot say goodbye any more: let its streams finish and ask it to come back.
      if (this.#connection === undefined) this.#session.destroy();
      else this.#connection.drain();
    });
  }

  #receive(chunk: Buffer): void {
    const received = this.#control.receive(chunk);
    if (!received.ok) return this.#refuseStranger('control-stream-malformed');
    for (const event of received.value) this.#handle(event);
  }

  #handle(event: EdgeControlEvent): void {
    switch (event.type) {
      case 'reply':
        return this.#send(event.bytes);
      case 'register':
        this.#register(event.questionId, event.request).catch((error: unknown) => {
          this.#dependencies.signals.bug(error, 'registration');
          this.#session.destroy();
        });
        return undefined;
      case 'unregister':
        if (this.#connection !== undefined) this.#dependencies.signals.drainingBegun(this.#connection.identity);
        this.#send(this.#control.acknowledge(event.questionId));
        this.#connection?.drain();
        return undefined;
      case 'local-configuration':
        // Routing is the connector's own business here: taken, not kept.
        return this.#send(this.#control.acknowledge(event.questionId));
      case 'aborted':
        this.#connection?.drain();
        return undefined;
    }
  }

  async #register(questionId: number, request: RegistrationRequest): Promise<void> {
    if (this.#registering) return this.#refuse(questionId, 'already-registered', undefined);
    this.#registering = true;
    const { register, connections, signals, listener, streams } = this.#dependencies;
    const tunnelUuid = uuidText(request.tunnelUuid);
    const decided = await register.run({
      accountTag: request.accountTag,
      tunnelSecret: request.tunnelSecret,
      tunnelUuid: tunnelUuid ?? '',
      connectorId: uuidText(request.clientUuid),
      features: request.features,
      version: request.version,
      architecture: request.architecture,
    });
    if (this.#session.destroyed) return undefined;
    if (!decided.ok) return this.#refuse(questionId, decided.reason, tunnelUuid);
    clearTimeout(this.#registerTimer);
    const { connectionIndex, version, architecture, features } = request;
    const identity = { ...decided.value, connectionIndex, version, architecture, features };
    const connection = new ConnectorConnection(this.#session, identity, this.#socket, streams);
    this.#connection = connection;
    const details = { connectionUuid: randomBytes(16), locationName: listener.location, remotelyManaged: false };
    this.#send(this.#control.acceptRegistration(questionId, details));
    signals.registered(label(connection), version, this.#remoteAddress);
    const replaced = connections.add(connection);
    if (replaced !== undefined) {
      signals.replaced(label(replaced));
      replaced.end('replaced');
    }
  }

  #refuse(questionId: number, reason: RegistrationRefusal, tunnelUuid: string | undefined): void {
    clearTimeout(this.#registerTimer);
    this.#dependencies.signals.registrationRefused(reason, tunnelUuid, this.#remoteAddress);
    const refusal = { cause: causeByRefusal[reason], retryAfterNs: 0n, shouldRetry: false };
    this.#send(this.#control.refuseRegistration(questionId, refusal));
    setTimeout(() => this.#session.destroy(), closeAfterRefusalMs);
  }

  #send(bytes: Buffer): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableEnded) return;
    stream.write(bytes);
    if (stream.writableLength > controlBacklogBytesMax) this.#refuseStranger('control-stream-malformed');
  }

  #refuseStranger(reason: 'not-registered-in-time' | 'control-stream-malformed'): void {
    this.#dependencies.signals.strangerRefused(reason, this.#remoteAddress);
    if (this.#connection === undefined) this.#session.destroy();
    else this.#connection.end('control-stream-malformed');
  }

  #closed(): void {
    clearTimeout(this.#registerTimer);
    this.#socket.destroy();
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#dependencies.connections.remove(connection);
    this.#dependencies.signals.lost(label(connection), connection.ended ?? 'closed-by-connector');
  }
}

function label(connection: ConnectorConnection) {
  const { tunnelId, connectorId, connectionIndex } = connection;
  return { tunnelId, connectorId, connectionIndex };
}
