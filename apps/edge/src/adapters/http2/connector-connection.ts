import { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';

import { rawStreamsFeature } from '@sallyport/connector-wire';
import { type Result, fail, ok } from '@sallyport/result';

import type { RegisteredConnection } from '../../domain/connection-registry.ts';
import { type PingTimes, PingWatchdog } from './ping-watchdog.ts';

export interface ConnectorIdentity {
  readonly tunnelId: string;
  readonly connectorId: string;
  readonly connectionIndex: number;
  readonly version: string;
  readonly architecture: string;
  readonly features: readonly string[];
}

/** Why a stream was not opened. Nothing was sent in any of these cases. */
export type OpenRefusal = 'connection-lost' | 'too-many-streams' | 'header-malformed';

export interface ConnectionLimits extends PingTimes {
  readonly streamsPerConnectionMax: number;
}

/** Why a connection ended. */
export type ConnectionEnd =
  | 'closed-by-connector'
  | 'connector-unresponsive'
  | 'control-stream-malformed'
  | 'replaced'
  | 'drained'
  | 'edge-stopped';

/** How long a connector that said goodbye may take to finish its streams: the longest grace period of the real client. */
const drainMsMax = 180_000;

/** A registered connection: opens streams to the connector, and knows whether it lives. */
export class ConnectorConnection implements RegisteredConnection {
  readonly identity: ConnectorIdentity;
  readonly connectedAtMs = Date.now();
  readonly remoteAddress: string;
  /** True where the connector takes byte streams without WebSocket framing. */
  readonly rawStreams: boolean;
  readonly #session: ClientHttp2Session;
  readonly #watchdog: PingWatchdog;
  readonly #limits: ConnectionLimits;
  #streamsOpen = 0;
  #draining = false;
  #drainTimer: NodeJS.Timeout | undefined;
  #end: ConnectionEnd | undefined;

  constructor(
    session: ClientHttp2Session,
    identity: ConnectorIdentity,
    socket: { readonly remoteAddress?: string | undefined; readonly bytesRead: number },
    limits: ConnectionLimits,
  ) {
    this.#session = session;
    this.identity = identity;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.rawStreams = identity.features.includes(rawStreamsFeature);
    this.#limits = limits;
    this.#watchdog = new PingWatchdog(
      session,
      () => socket.bytesRead,
      limits,
      () => this.end('connector-unresponsive'),
    );
    session.once('goaway', () => this.drain());
    session.once('close', () => this.#closed());
  }

  get tunnelId(): string {
    return this.identity.tunnelId;
  }

  get connectorId(): string {
    return this.identity.connectorId;
  }

  get connectionIndex(): number {
    return this.identity.connectionIndex;
  }

  get draining(): boolean {
    return this.#draining || this.#end !== undefined;
  }

  get streamsOpen(): number {
    return this.#streamsOpen;
  }

  /** Undefined while the connection lives. */
  get ended(): ConnectionEnd | undefined {
    return this.#end;
  }

  open(headers: OutgoingHttpHeaders, endStream: boolean): Result<ClientHttp2Stream, OpenRefusal> {
    if (this.draining || this.#session.closed || this.#session.destroyed) return fail('connection-lost');
    if (this.#streamsOpen >= this.#limits.streamsPerConnectionMax) return fail('too-many-streams');
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(headers, { endStream });
    } catch (error) {
      // Node refuses some names and values only here (spec §3.1); a session that is going away throws from the same place.
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      return fail(code.includes('SESSION') ? 'connection-lost' : 'header-malformed');
    }
    this.#streamsOpen += 1;
    stream.once('close', () => {
      this.#streamsOpen -= 1;
      this.#endIfDrained();
    });
    return ok(stream);
  }

  /** Something did not answer in time: finds out at once whether the connector lives. */
  probe(): void {
    this.#watchdog.probe();
  }

  /** No new streams; the connection closes when the open ones are done. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#drainTimer = setTimeout(() => this.end('drained'), drainMsMax);
    // Lets the answer to `unregisterConnection` leave first.
    setTimeout(() => this.#endIfDrained(), 20);
  }

  /** This edge is leaving: tells the connector, which connects elsewhere while the open streams finish (spec §4.5). */
  leave(): void {
    if (!this.#session.destroyed) this.#session.goaway();
    this.drain();
  }

  end(reason: ConnectionEnd): void {
    this.#end ??= reason;
    this.#session.destroy();
  }

  #endIfDrained(): void {
    if (this.#draining && this.#streamsOpen === 0) this.end('drained');
  }

  #closed(): void {
    this.#end ??= this.#draining ? 'drained' : 'closed-by-connector';
    clearTimeout(this.#drainTimer);
    this.#watchdog.stop();
  }
}
