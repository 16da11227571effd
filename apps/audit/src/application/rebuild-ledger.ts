import type { EventLogReader, StoredRecord } from '@sallyport/event-log';
import { type Result, fail, ok } from '@sallyport/result';
import { sameHash } from '@sallyport/transparency-log';
import { readRecord } from '../domain/read-record.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Build, LedgerBuilds } from '../ports/ledger-builds.ts';
import type { LedgerTransaction } from '../ports/ledger.ts';
import { type KeptLevels, appendRecords } from './append-records.ts';

export interface RebuildProgress {
  readonly origin: string;
  readonly leavesDone: number;
  readonly leavesTotal: number;
  readonly checkpointsCompared: number;
  readonly root: Uint8Array;
  readonly swapped: boolean;
}

export type RebuildRefusal =
  | { readonly code: 'another-rebuild-runs' }
  | { readonly code: 'event-log-incomplete'; readonly topic: string; readonly firstOffset: bigint }
  | { readonly code: 'event-log-ends-early'; readonly topic: string; readonly nextOffset: bigint }
  | { readonly code: 'root-differs'; readonly topic: string; readonly size: number };

export interface RebuildSignals {
  /** An alarm: the live ledger held other bytes than the event log gave; the rebuild puts them right. */
  leafDiffered(topic: string, leafIndex: number): void;
  rebuilt(topic: string, size: number): void;
  rebuildRefused(refusal: RebuildRefusal): void;
}

export interface RebuildParts {
  readonly builds: LedgerBuilds;
  readonly reader: EventLogReader;
  readonly store: CheckpointStore;
  readonly signals: RebuildSignals;
  readonly batchRecordsMax: number;
  readonly logs: readonly { readonly topic: string; readonly origin: string }[];
}

/** Only records that are known to be there are read: a broker may take a while to hand them over. */
const readMsMax = 5_000;

type Report = (progress: RebuildProgress) => Promise<void>;

/** How one log's build stands. */
interface Building extends Build {
  readonly origin: string;
  nextOffset: bigint;
  size: number;
  root: Uint8Array;
  compared: number;
  /** The largest signed size that was compared; later ones are asked for before the swap. */
  comparedSize: number;
  levels: KeptLevels | undefined;
}

/**
 * Builds every log again from offset 0 of the event log, beside the live ones, and makes the builds live if they have every root that was ever
 * signed. Where one differs nothing is swapped.
 */
export class RebuildLedger {
  readonly #parts: RebuildParts;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
  }

  /** `report` is awaited: a slow listener slows the rebuild. Rejects with the signal's reason once it is aborted. */
  async run(report: Report, signal: AbortSignal): Promise<Result<void, RebuildRefusal>> {
    const done = await this.#parts.builds.exclusively(() => this.#rebuild(report, signal));
    const result = done ?? fail({ code: 'another-rebuild-runs' } as const);
    if (!result.ok) this.#parts.signals.rebuildRefused(result.reason);
    return result;
  }

  async #rebuild(report: Report, signal: AbortSignal): Promise<Result<void, RebuildRefusal>> {
    const finished: Building[] = [];
    for (const { topic, origin } of this.#parts.logs) {
      const bounds = await this.#parts.reader.bounds(topic);
      if (bounds.first > 0n) return fail({ code: 'event-log-incomplete', topic, firstOffset: bounds.first });
      const build = await this.#parts.builds.begin(topic);
      const empty = {
        nextOffset: 0n,
        size: 0,
        root: new Uint8Array(),
        compared: 0,
        comparedSize: -1,
        levels: undefined,
      };
      const building: Building = { ...build, origin, ...empty };
      const caughtUp = await this.#catchUp(building, report, signal);
      if (!caughtUp.ok) return caughtUp;
      finished.push(building);
    }
    return this.#swap(finished, report);
  }

  async #catchUp(building: Building, report: Report, signal: AbortSignal): Promise<Result<void, RebuildRefusal>> {
    const { builds, reader } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const { next } = await reader.bounds(building.topic);
      if (building.nextOffset >= next) return ok(undefined);
      const from = building.size;
      const stored = await this.#read(building, next);
      const appended = await builds.transact(building, (transaction) => this.#append(building, transaction, stored));
      if (!appended.ok) return appended;
      const differing = await builds.firstDifference(building, from, building.size);
      if (differing !== undefined) this.#parts.signals.leafDiffered(building.topic, differing);
      await report({ ...progressOf(building, next), swapped: false });
    }
  }

  /** One batch, at most to `toOffset`. */
  #read(building: Building, toOffset: bigint): Promise<readonly StoredRecord[]> {
    const recordsMax = Math.min(this.#parts.batchRecordsMax, Number(toOffset - building.nextOffset));
    return this.#parts.reader.read(building.topic, building.nextOffset, { recordsMax, waitMsMax: readMsMax });
  }

  /** Appends a batch and compares the signed roots that it passes. */
  async #append(
    building: Building,
    transaction: LedgerTransaction,
    stored: readonly StoredRecord[],
  ): Promise<Result<void, RebuildRefusal>> {
    const { store } = this.#parts;
    if (stored.length === 0)
      return fail({ code: 'event-log-ends-early', topic: building.topic, nextOffset: building.nextOffset });
    const signed = await store.between(building.origin, building.size, building.size + stored.length);
    const appended = await appendRecords(transaction, stored.map(readRecord), {
      levels: building.levels,
      announce: false,
      rootSizes: new Set(signed.map(({ size }) => size)),
    });
    // The reader promises records without gaps: a gap here is a bug of its adapter.
    if (!appended.ok) throw new Error(`${building.topic}: offset ${appended.reason.wanted} is missing`);
    const { plan, levels } = appended.value;
    for (const { size, root } of signed) {
      const rebuilt = plan.rootsAt.get(size);
      if (rebuilt === undefined) continue;
      if (!sameHash(rebuilt, root)) return fail({ code: 'root-differs', topic: building.topic, size });
      building.compared += 1;
      building.comparedSize = size;
    }
    building.levels = levels;
    building.nextOffset = plan.nextOffset;
    building.size = plan.frontier.size;
    building.root = plan.frontier.root();
    return ok(undefined);
  }

  /** Checkpoints that were signed after the build had passed their size, and any that it never reached. */
  async #compareLate(building: Building, transaction: LedgerTransaction): Promise<Result<void, RebuildRefusal>> {
    const late = await this.#parts.store.between(building.origin, building.comparedSize, Number.MAX_SAFE_INTEGER);
    for (const { size, root } of late) {
      // A signed tree that the event log does not give any more: its records are gone.
      const same = size <= building.size && sameHash(await transaction.rootAt(size), root);
      if (!same) return fail({ code: 'root-differs', topic: building.topic, size });
      building.compared += 1;
      building.comparedSize = size;
    }
    return ok(undefined);
  }

  async #swap(finished: readonly Building[], report: Report): Promise<Result<void, RebuildRefusal>> {
    const { builds, signals } = this.#parts;
    const swapped = await builds.swap(finished, async (build, transaction, liveNextOffset) => {
      const building = finished.find(({ generation }) => generation === build.generation);
      if (building === undefined) throw new Error('an unknown build was swapped');
      while (building.nextOffset < liveNextOffset) {
        const appended = await this.#append(building, transaction, await this.#read(building, liveNextOffset));
        if (!appended.ok) return appended;
      }
      return this.#compareLate(building, transaction);
    });
    if (!swapped.ok) return swapped;
    for (const building of finished) {
      signals.rebuilt(building.topic, building.size);
      await report({ ...progressOf(building, building.nextOffset), swapped: true });
    }
    return swapped;
  }
}

/** The rest of the event log counts as one leaf a record, which duplicates make an upper bound. */
function progressOf(building: Building, nextOffset: bigint): Omit<RebuildProgress, 'swapped'> {
  return {
    origin: building.origin,
    leavesDone: building.size,
    leavesTotal: building.size + Number(nextOffset - building.nextOffset),
    checkpointsCompared: building.compared,
    root: building.root,
  };
}
