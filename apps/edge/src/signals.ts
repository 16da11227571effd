import type { Counter } from '@opentelemetry/api';
import type { Logger, Telemetry } from '@sallyport/telemetry';

import type { AcceptRefusal } from './domain/accept-limit.ts';
import type { RegistrationRefusal } from './domain/registration-refusal.ts';

/** Who a line is about. No field here may hold a secret or a payload. */
export interface ConnectionLabel {
  readonly tunnelId: string;
  readonly connectorId: string;
  readonly connectionIndex: number;
}

/** Lines about refused strangers a second at most: they must not be able to fill a disk. The counters count all. */
const strangerLinesPerSecondMax = 10;

/** What happens at an edge, as counters and log lines. */
export class EdgeSignals {
  readonly #log: Logger;
  readonly #connections: Counter;
  readonly #refusals: Counter;
  readonly #streams: Counter;
  #strangerSecond = 0;
  #strangerLines = 0;

  constructor(log: Logger, telemetry: Telemetry) {
    this.#log = log;
    this.#connections = telemetry.meter.createCounter('sallyport.edge.connections');
    this.#refusals = telemetry.meter.createCounter('sallyport.edge.refusals');
    this.#streams = telemetry.meter.createCounter('sallyport.edge.streams');
  }

  listening(connectorPort: number, grpcPort: number): void {
    this.#log.info({ connectorPort, grpcPort }, 'edge ready');
  }

  strangerRefused(
    reason:
      | AcceptRefusal
      | 'handshake-failed'
      | 'unknown-server-name'
      | 'not-registered-in-time'
      | 'control-stream-malformed',
    remoteAddress: string,
  ): void {
    this.#refusals.add(1, { reason });
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#strangerSecond) {
      this.#strangerSecond = second;
      this.#strangerLines = 0;
    }
    this.#strangerLines += 1;
    if (this.#strangerLines <= strangerLinesPerSecondMax) {
      this.#log.warn({ reason, remoteAddress }, 'connection refused');
    }
  }

  registrationRefused(reason: RegistrationRefusal, tunnelUuid: string | undefined, remoteAddress: string): void {
    this.#refusals.add(1, { reason });
    this.#log.warn({ reason, tunnelUuid, remoteAddress }, 'registration refused');
  }

  registered(label: ConnectionLabel, version: string, remoteAddress: string): void {
    this.#connections.add(1, { event: 'registered' });
    this.#log.info({ ...label, version, remoteAddress }, 'connector registered');
  }

  replaced(label: ConnectionLabel): void {
    this.#connections.add(1, { event: 'replaced' });
    this.#log.warn({ ...label }, 'connection replaced by a newer one in its place');
  }

  drainingBegun(label: ConnectionLabel): void {
    this.#log.info({ ...label }, 'connector says goodbye');
  }

  lost(label: ConnectionLabel, reason: string): void {
    this.#connections.add(1, { event: 'lost' });
    this.#log.info({ ...label, reason }, 'connection closed');
  }

  streamEnded(kind: 'byte_stream' | 'http', outcome: string): void {
    this.#streams.add(1, { kind, outcome });
  }

  bug(error: unknown, where: string): void {
    this.#log.error({ err: error, where }, 'unexpected error');
  }
}
