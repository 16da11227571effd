import type { Counter } from '@opentelemetry/api';
import type { Logger, Telemetry } from '@sallyport/telemetry';

import type { RouterRefusal } from './adapters/inner-tls/router-identity.ts';
import type { ExchangeRefusal } from './adapters/origin/exchange.ts';

/** Lines about refused callers a second at most; the counters count all. */
const refusalLinesPerSecondMax = 20;

/** What happens at a connector, as counters and log lines. No payload, no token. */
export class ConnectorSignals {
  readonly #log: Logger;
  readonly #connections: Counter;
  readonly #requests: Counter;
  readonly #refusals: Counter;
  #second = 0;
  #lines = 0;

  constructor(log: Logger, telemetry: Telemetry) {
    this.#log = log;
    this.#connections = telemetry.meter.createCounter('sallyport.connector.connections');
    this.#requests = telemetry.meter.createCounter('sallyport.connector.requests');
    this.#refusals = telemetry.meter.createCounter('sallyport.connector.refusals');
  }

  configured(warnings: readonly string[], mode: 'end-to-end' | 'transport'): void {
    for (const warning of warnings) this.#log.warn({ warning }, 'configuration');
    this.#log.info({ mode }, 'connector starts');
  }

  registered(connIndex: number, edge: string, location: string): void {
    this.#connections.add(1, { event: 'registered' });
    this.#log.info({ connIndex, edge, location }, 'connector registered');
  }

  notConnected(connIndex: number, edge: string, reason: string, retryMs: number): void {
    this.#connections.add(1, { event: 'failed' });
    this.#log.warn({ connIndex, edge, reason, retryMs }, 'not connected to the edge; trying again');
  }

  lost(connIndex: number, edge: string, reason: string): void {
    this.#connections.add(1, { event: 'lost' });
    this.#log.info({ connIndex, edge, reason }, 'connection to the edge closed');
  }

  /** A caller inside a byte stream that is not our router. */
  routerRefused(reason: RouterRefusal): void {
    this.#refusals.add(1, { reason });
    if (this.#mayLog()) this.#log.warn({ reason }, 'inner TLS refused');
  }

  /** An edge asked for what only a router may ask, or for what this connector does not do. */
  streamRefused(reason: string): void {
    this.#refusals.add(1, { reason });
    if (this.#mayLog()) this.#log.warn({ reason }, 'stream refused');
  }

  bug(error: unknown): void {
    this.#log.error({ err: error }, 'unexpected error');
  }

  certificatesReloaded(): void {
    this.#log.info('certificates reloaded');
  }

  certificatesUnusable(problem: string): void {
    this.#log.error({ problem }, 'new certificates are not usable; the old ones stay');
  }

  requestEnded(ruleIndex: number, outcome: 'completed' | 'cancelled' | ExchangeRefusal): void {
    this.#requests.add(1, { outcome });
    if (outcome !== 'completed' && outcome !== 'cancelled' && this.#mayLog()) {
      this.#log.warn({ ruleIndex, reason: outcome }, 'request failed');
    }
  }

  #mayLog(): boolean {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    return this.#lines <= refusalLinesPerSecondMax;
  }
}
