import { setTimeout as sleep } from 'node:timers/promises';
import { EventLogGap, type EventLogReader, EventLogRecordAltered, type StoredRecord } from '@sallyport/event-log';
import { readRecord } from '../domain/read-record.ts';
import type { BatchPlan, PlannedLeaf } from '../domain/plan-batch.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LedgerEvent } from '../ports/ledger-reader.ts';
import { type KeptLevels, appendRecords } from './append-records.ts';

export interface IngestSignals {
  ingested(topic: string, plan: BatchPlan, ms: number): void;
  /** An alarm: records are missing, and nothing more is read until a person has looked. */
  halted(topic: string, reason: string): void;
  ingestFailed(topic: string, error: unknown, retryMs: number): void;
}

export interface IngestOptions {
  readonly topic: string;
  readonly origin: string;
  readonly reader: EventLogReader;
  readonly ledger: Ledger;
  readonly batchRecordsMax: number;
  readonly signals: IngestSignals;
  /** Called after the commit, in the order of the leaves. */
  readonly committed: (events: readonly LedgerEvent[], leaves: number) => void;
}

const waitMsMax = 1_000;
const retryFirstMs = 100;
const retryMostMs = 5_000;

/**
 * Reads one topic into its log for as long as it runs. The offset comes from the ledger alone, in the transaction that writes the rows, so a crash, a
 * second process or a replay changes nothing. A gap stops the log.
 */
export class IngestLog {
  readonly #options: IngestOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #levels: KeptLevels | undefined;
  #nextOffset: bigint | undefined;
  #ahead: { readonly from: bigint; readonly records: Promise<readonly StoredRecord[] | Error> } | undefined;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets the batch under way finish. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    let retryMs = retryFirstMs;
    while (!this.#stop.signal.aborted) {
      try {
        const halted = await this.#step();
        if (halted !== undefined) return await this.#halt(halted);
        retryMs = retryFirstMs;
      } catch (error) {
        if (error instanceof EventLogGap || error instanceof EventLogRecordAltered)
          return await this.#halt(error.message);
        // Nothing is kept of a batch that failed: the ledger says where it stands.
        this.#nextOffset = undefined;
        this.#levels = undefined;
        this.#options.signals.ingestFailed(this.#options.topic, error, retryMs);
        await sleep(retryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, retryMostMs);
      }
    }
  }

  async #step(): Promise<string | undefined> {
    const { topic, ledger, signals } = this.#options;
    const from = (this.#nextOffset ??= (await ledger.live(topic)).position.nextOffset);
    const stored = await this.#read(from);
    if (stored.length === 0) return undefined;
    this.#readAhead(from + BigInt(stored.length));
    const startedMs = performance.now();
    const records = stored.map(readRecord);
    const kept = this.#levels;
    this.#levels = undefined;
    const appended = await ledger.transact(topic, (transaction) =>
      appendRecords(transaction, records, { levels: kept, announce: true }),
    );
    if (!appended.ok) return `offset ${appended.reason.wanted} was wanted, ${appended.reason.found} came`;
    const { plan, levels } = appended.value;
    this.#levels = levels;
    this.#nextOffset = plan.nextOffset;
    signals.ingested(topic, plan, performance.now() - startedMs);
    this.#options.committed(eventsOf(plan.leaves, topic, this.#options.origin), plan.leaves.length);
    return undefined;
  }

  async #read(from: bigint): Promise<readonly StoredRecord[]> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) {
      const records = await ahead.records;
      if (records instanceof Error) throw records;
      if (ahead.from === from && records.length > 0) return records;
    }
    return this.#options.reader.read(this.#options.topic, from, {
      recordsMax: this.#options.batchRecordsMax,
      waitMsMax,
      signal: this.#stop.signal,
    });
  }

  /** The next read runs while the database writes this batch. */
  #readAhead(from: bigint): void {
    const { reader, topic, batchRecordsMax } = this.#options;
    const records = reader
      .read(topic, from, { recordsMax: batchRecordsMax, waitMsMax, signal: this.#stop.signal })
      .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    this.#ahead = { from, records };
  }

  async #halt(reason: string): Promise<void> {
    const { topic, ledger, signals } = this.#options;
    signals.halted(topic, reason);
    await ledger.setHalted(topic, reason).catch((error: unknown) => signals.ingestFailed(topic, error, 0));
  }
}

function eventsOf(leaves: readonly PlannedLeaf[], topic: string, origin: string): LedgerEvent[] {
  const events: LedgerEvent[] = [];
  for (const { index: leafIndex, record, kind } of leaves) {
    if (kind !== 'event' || record.kind !== 'event') continue;
    const { workspace, time } = record.fields;
    events.push({ topic, origin, leafIndex, workspace, envelope: record.body, timeMs: Date.parse(time) });
  }
  return events;
}
