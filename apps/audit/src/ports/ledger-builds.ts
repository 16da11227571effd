import type { Result } from '@sallyport/result';
import type { LedgerTransaction } from './ledger.ts';

/** A generation that is being built beside the live one. */
export interface Build {
  readonly topic: string;
  readonly generation: number;
}

/** Building the ledger again while the live one goes on. */
export abstract class LedgerBuilds {
  /** Runs `work` while no other build runs anywhere; undefined where one does. Drops what `work` leaves unswapped. */
  abstract exclusively<Answer>(work: () => Promise<Answer>): Promise<Answer | undefined>;
  abstract begin(topic: string): Promise<Build>;
  abstract transact<Answer>(build: Build, work: (transaction: LedgerTransaction) => Promise<Answer>): Promise<Answer>;
  /** The first leaf from `fromIndex` on, below the size of both, that differs between build and live ledger; undefined without one. */
  abstract firstDifference(build: Build, fromIndex: number, toIndex: number): Promise<number | undefined>;
  /**
   * Makes the builds live, all in one transaction, if `ready` agrees for each. It is asked while the live log is locked at `liveNextOffset`, and may
   * still append to the build.
   */
  abstract swap<Reason>(
    builds: readonly Build[],
    ready: (build: Build, transaction: LedgerTransaction, liveNextOffset: bigint) => Promise<Result<void, Reason>>,
  ): Promise<Result<void, Reason>>;
}
