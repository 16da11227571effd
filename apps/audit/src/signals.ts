import type { Attributes, Counter, Histogram } from '@opentelemetry/api';
import type { Logger, Telemetry } from '@sallyport/telemetry';
import type { IngestSignals } from './application/ingest-log.ts';
import type { RebuildRefusal, RebuildSignals } from './application/rebuild-ledger.ts';
import type { SigningSignals } from './application/sign-checkpoints.ts';
import type { BatchPlan } from './domain/plan-batch.ts';
import type { SequenceAlarm } from './domain/sequence-watch.ts';
import type { SigningRefusal } from './ports/checkpoint-signer.ts';

/** What happens to the ledger, as counters and log lines. No line holds an event's content. */
export class AuditSignals implements IngestSignals, SigningSignals, RebuildSignals {
  readonly #log: Logger;
  readonly #leaves: Counter;
  readonly #duplicates: Counter;
  readonly #alarms: Counter;
  readonly #checkpoints: Counter;
  readonly #batchMs: Histogram;
  readonly #lastAlarm = new Map<string, string>();

  constructor(log: Logger, telemetry: Telemetry) {
    const { meter } = telemetry;
    this.#log = log;
    this.#leaves = meter.createCounter('sallyport.audit.leaves');
    this.#duplicates = meter.createCounter('sallyport.audit.duplicates');
    this.#alarms = meter.createCounter('sallyport.audit.alarms');
    this.#checkpoints = meter.createCounter('sallyport.audit.checkpoints');
    this.#batchMs = meter.createHistogram('sallyport.audit.batch', { unit: 'ms' });
  }

  ready(port: number, vkeys: readonly string[]): void {
    this.#log.info({ port, vkeys }, 'audit ready');
  }

  ingested(topic: string, plan: BatchPlan, ms: number): void {
    this.#batchMs.record(ms, { topic });
    if (plan.duplicates > 0) this.#duplicates.add(plan.duplicates, { topic });
    const byKind = { event: 0, conflict: 0, unparseable: 0 };
    for (const { kind, index } of plan.leaves) {
      byKind[kind] += 1;
      if (kind !== 'event') this.#alarm(`record_${kind}`, { topic }, { leafIndex: index });
    }
    for (const [kind, count] of Object.entries(byKind)) if (count > 0) this.#leaves.add(count, { topic, kind });
  }

  halted(topic: string, reason: string): void {
    this.#alarm('ledger_gap', { topic }, { reason });
  }

  ingestFailed(topic: string, error: unknown, retryMs: number): void {
    this.#log.warn({ topic, err: error, retryMs }, 'a batch did not reach the ledger');
  }

  signed(topic: string, size: number): void {
    this.#checkpoints.add(1, { topic });
    this.#lastAlarm.delete(topic);
    this.#log.debug({ topic, size }, 'checkpoint signed');
  }

  /** Every interval asks the signer again: each refusal is counted, and logged once per reason. */
  signingRefused(topic: string, size: number, reason: SigningRefusal): void {
    if (this.#lastAlarm.get(topic) === reason) return this.#alarms.add(1, { alarm: 'signing_refused', topic, reason });
    this.#lastAlarm.set(topic, reason);
    this.#alarm('signing_refused', { topic, reason }, { size });
  }

  leafDiffered(topic: string, leafIndex: number): void {
    this.#alarm('leaf_differed', { topic }, { leafIndex });
  }

  rebuilt(topic: string, size: number): void {
    this.#log.info({ topic, size }, 'the ledger was rebuilt');
  }

  rebuildRefused(refusal: RebuildRefusal): void {
    if (refusal.code === 'another-rebuild-runs') this.#log.info('a rebuild was refused: another one runs');
    else if (refusal.code === 'root-differs')
      this.#alarm('root_differs', { topic: refusal.topic }, { size: refusal.size });
    else this.#alarm(refusal.code.replaceAll('-', '_'), { topic: refusal.topic }, {});
  }

  sequenceAlarm({ source, missing }: SequenceAlarm): void {
    this.#alarm('source_sequence', {}, { source, missing });
  }

  failed(what: string, error: unknown): void {
    this.#log.warn({ err: error, what }, 'a task of the ledger failed and is retried');
  }

  bug(error: unknown, where: string): void {
    this.#log.error({ err: error, where }, 'unexpected error');
  }

  #alarm(alarm: string, labels: Attributes, detail: Readonly<Record<string, unknown>>): void {
    this.#alarms.add(1, { alarm, ...labels });
    this.#log.error({ alarm, ...labels, ...detail }, 'alarm');
  }
}
