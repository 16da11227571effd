import type { TileLevels } from '@sallyport/transparency-log';
import type { BatchPlan, KnownEvent, LogPosition } from '../domain/plan-batch.ts';
import type { SourceState } from '../domain/sequence-watch.ts';

/** One transaction on one generation of a log, whose position is locked until it ends. */
export interface LedgerTransaction {
  readonly generation: number;
  /** Moves with what is written. */
  readonly position: LogPosition;
  /** What the ledger holds under these event ids. */
  known(eventIds: readonly string[]): Promise<ReadonlyMap<string, KnownEvent>>;
  /** The unfinished tiles at the position. */
  levels(): Promise<TileLevels>;
  /** The root of an earlier size. */
  rootAt(size: number): Promise<Uint8Array>;
  /** Rows, tile hashes, source sequences and the new position. `announce` also queues irregular records for the dead letter topic. */
  write(plan: BatchPlan, announce: boolean): Promise<void>;
}

export interface LiveLog {
  readonly topic: string;
  readonly origin: string;
  readonly generation: number;
  readonly position: LogPosition;
  /** Why reading was stopped; a person has to decide. */
  readonly haltedReason?: string;
}

/** The writing side of the ledger. Rejects where the database cannot be asked. */
export abstract class Ledger {
  /** Makes the logs that are missing. Rejects where one stands under another origin: its history would not be the same log's. */
  abstract open(logs: readonly { readonly topic: string; readonly origin: string }[]): Promise<void>;
  abstract live(topic: string): Promise<LiveLog>;
  /** Runs `work` on the live generation; commits what it wrote when it resolves, nothing where it rejects. */
  abstract transact<Answer>(topic: string, work: (transaction: LedgerTransaction) => Promise<Answer>): Promise<Answer>;
  abstract setHalted(topic: string, reason: string | undefined): Promise<void>;
  /** The sources of the live logs that wrote since, over all topics. */
  abstract sources(writtenWithinMs: number): Promise<readonly SourceState[]>;
}
