import type { EdgeAddress, RegistrationRequest } from '@sallyport/connector-wire';

import { reconnectDelayMs } from '../../domain/reconnect-backoff.ts';
import { isFinalRefusal } from '../../domain/registration-verdict.ts';
import type { ConnectorSignals } from '../../signals.ts';
import { EdgeSession, type SessionTimes } from './edge-session.ts';
import type { TunnelStreams } from './tunnel-streams.ts';

export interface LinkConfig extends SessionTimes {
  /** At least one; this link begins with the one of its index. */
  readonly edges: readonly EdgeAddress[];
  /** PEM text; undefined: the system's roots. */
  readonly ca: string | undefined;
  readonly retries: number;
}

/** One of the connector's connections, kept up for ever: dials, registers, and dials again with back-off. */
export class EdgeLink {
  readonly #config: LinkConfig;
  readonly #registration: RegistrationRequest;
  readonly #streams: TunnelStreams;
  readonly #signals: ConnectorSignals;
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<EdgeSession>();
  #edgeIndex: number;

  constructor(
    config: LinkConfig,
    registration: RegistrationRequest,
    streams: TunnelStreams,
    signals: ConnectorSignals,
  ) {
    this.#config = config;
    this.#registration = registration;
    this.#streams = streams;
    this.#signals = signals;
    this.#edgeIndex = registration.connectionIndex;
  }

  /**
   * Runs until `stop`. `onRegistered` is called once per registration; `onFinalRefusal` where a process that was never registered is refused for good:
   * the link then ends.
   */
  async run(onRegistered: () => void, onFinalRefusal: (cause: string) => void): Promise<void> {
    const index = this.#registration.connectionIndex;
    let failures = 0;
    let wasRegistered = false;
    while (!this.#stopping.signal.aborted) {
      const edge = this.#edge();
      const name = `${edge.host}:${edge.port}`;
      const session = this.#open(edge, failures);
      const outcome = await session.registration;
      if (outcome.type === 'registered') {
        failures = 0;
        wasRegistered = true;
        this.#signals.registered(index, name, outcome.details.locationName);
        onRegistered();
        this.#signals.lost(index, name, await session.over);
      } else if (outcome.type === 'refused' && !wasRegistered && isFinalRefusal(outcome.cause)) {
        onFinalRefusal(outcome.cause);
        return;
      }
      if (this.#stopping.signal.aborted) return;
      failures += 1;
      this.#edgeIndex += 1;
      const delayMs = reconnectDelayMs(failures, this.#config.retries, Math.random());
      if (outcome.type !== 'registered') {
        const reason = outcome.type === 'refused' ? outcome.cause : outcome.reason;
        this.#signals.notConnected(index, name, reason, delayMs);
      }
      await this.#pause(delayMs);
    }
  }

  /** No new connection; the open ones say goodbye and end within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#sessions].map((session) => session.leave(graceMs)));
  }

  #edge(): EdgeAddress {
    const { edges } = this.#config;
    const edge = edges[this.#edgeIndex % edges.length];
    if (edge === undefined) throw new Error('a link needs at least one edge');
    return edge;
  }

  #open(edge: EdgeAddress, failures: number): EdgeSession {
    const request = { ...this.#registration, previousAttempts: Math.min(failures, 255) };
    const session = new EdgeSession(edge, this.#config.ca, request, this.#streams, this.#config);
    this.#sessions.add(session);
    session.closed.then(
      () => this.#sessions.delete(session),
      () => undefined,
    );
    return session;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#stopping.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      this.#stopping.signal.addEventListener('abort', done);
    });
  }
}
