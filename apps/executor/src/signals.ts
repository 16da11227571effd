import type { Counter, Histogram, UpDownCounter } from '@opentelemetry/api';
import type { Logger, Telemetry } from '@sallyport/telemetry';

import type { LeaseEnd } from './domain/lease-messages.ts';
import type { CallOutcome, Lease } from './domain/protocol-messages.ts';

export interface EndedCall {
  readonly outcome: CallOutcome;
  readonly code: string;
  readonly tool: string;
  readonly durationMs: number;
  readonly outputDroppedBytes: number;
}

/** What happens at an executor, as metrics and log lines. No arguments, no output, no key. */
export class ExecutorSignals {
  readonly #log: Logger;
  readonly #calls: Counter;
  readonly #callMs: Histogram;
  readonly #startMs: Histogram;
  readonly #sandboxes: UpDownCounter;
  readonly #leases: Counter;
  readonly #connections: Counter;
  readonly #dropped: Counter;

  constructor(log: Logger, telemetry: Telemetry) {
    this.#log = log;
    const { meter } = telemetry;
    this.#calls = meter.createCounter('sallyport.executor.calls');
    this.#callMs = meter.createHistogram('sallyport.executor.call_duration', { unit: 'ms' });
    this.#startMs = meter.createHistogram('sallyport.executor.cold_start', { unit: 'ms' });
    this.#sandboxes = meter.createUpDownCounter('sallyport.executor.sandboxes');
    this.#leases = meter.createCounter('sallyport.executor.leases_ended');
    this.#connections = meter.createCounter('sallyport.executor.connections');
    this.#dropped = meter.createCounter('sallyport.executor.output_dropped', { unit: 'By' });
  }

  starts(driver: string, tier: string, slots: number, insecure: boolean): void {
    const fields = { driver, tier, slots };
    if (insecure) this.#log.warn(fields, 'executor starts WITHOUT isolation: tools run as this user on this host');
    else this.#log.info(fields, 'executor starts');
  }

  leftoversReaped(count: number): void {
    if (count > 0) this.#log.warn({ count }, 'sandboxes of an earlier process were removed');
  }

  registered(environmentId: string, kept: number): void {
    this.#connections.add(1, { event: 'registered' });
    this.#log.info({ environmentId, kept }, 'executor registered');
  }

  notConnected(reason: string, retryMs: number): void {
    this.#connections.add(1, { event: 'failed' });
    this.#log.warn({ reason, retryMs }, 'not connected to the scheduler; trying again');
  }

  disconnected(reason: string): void {
    this.#connections.add(1, { event: 'lost' });
    this.#log.warn({ reason }, 'connection to the scheduler lost');
  }

  /** The scheduler broke the protocol. `problem` names a field, never its content. */
  malformed(problem: string): void {
    this.#log.error({ problem }, 'malformed message from the scheduler: the stream is left');
  }

  drainAsked(): void {
    this.#log.info('the scheduler asks this executor to finish');
  }

  leaseTaken({ workId, token }: Lease, sessionId: string): void {
    this.#log.info({ workId, leaseToken: Number(token), sessionId }, 'lease taken');
  }

  leaseEnded({ workId, token }: Lease, end: LeaseEnd): void {
    this.#leases.add(1, { end });
    this.#log.info({ workId, leaseToken: Number(token), end }, 'lease ended');
  }

  sandboxReady({ workId }: Lease, startMs: number): void {
    this.#startMs.record(startMs);
    this.#sandboxes.add(1);
    this.#log.info({ workId, startMs }, 'sandbox ready');
  }

  sandboxFailed({ workId }: Lease, error: unknown): void {
    this.#log.error({ workId, err: error }, 'sandbox not started');
  }

  sandboxDied({ workId }: Lease, reason: string): void {
    this.#log.warn({ workId, reason }, 'sandbox died');
  }

  sandboxStuck({ workId }: Lease, error: unknown): void {
    this.#log.error({ workId, err: error }, 'sandbox not destroyed; trying again');
  }

  sandboxGone({ workId }: Lease, wasThere: boolean): void {
    if (wasThere) this.#sandboxes.add(-1);
    this.#log.info({ workId }, 'sandbox destroyed');
  }

  callEnded({ outcome, code, tool, durationMs, outputDroppedBytes }: EndedCall): void {
    this.#calls.add(1, { outcome, code });
    this.#callMs.record(durationMs, { outcome });
    this.#dropped.add(outputDroppedBytes);
    this.#log.debug({ outcome, code, tool, durationMs }, 'call ended');
  }

  /** `detail` is the sandbox's word on itself, no output. */
  callNotRun({ workId }: Lease, callId: string, code: string, detail: string): void {
    this.#log.warn({ workId, callId, code, detail }, 'a call was not run to its end: its sandbox did not');
  }

  bug(error: unknown): void {
    this.#log.error({ err: error }, 'unexpected error');
  }
}
