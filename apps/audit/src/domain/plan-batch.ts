import { type Result, fail, ok } from '@sallyport/result';
import type { CompletedHash, Frontier, TileLevels } from '@sallyport/transparency-log';
import type { EventRecord, ReadRecord } from './read-record.ts';

/** Where a log stands: everything that appending needs, and that moves with the rows. */
export interface LogPosition {
  /** Offset of the next record to take from the event log. */
  readonly nextOffset: bigint;
  readonly frontier: Frontier;
}

/** Hashes, in hex, that the ledger holds under an event id: of the event, and of conflicting records that came later. */
export interface KnownEvent {
  readonly event: string;
  readonly conflicts: readonly string[];
}

export interface PlannedLeaf {
  readonly index: number;
  readonly record: ReadRecord;
  /** `conflict`: an event id that is taken, with other bytes. */
  readonly kind: 'event' | 'conflict' | 'unparseable';
}

/** What a source wrote in this batch. */
export interface SourceProgress {
  last: number;
  events: number;
}

export interface BatchPlan {
  readonly leaves: readonly PlannedLeaf[];
  readonly nextOffset: bigint;
  /** After the batch. */
  readonly frontier: Frontier;
  readonly tileHashes: readonly CompletedHash[];
  readonly duplicates: number;
  readonly sources: ReadonlyMap<string, SourceProgress>;
  /** The roots at the sizes that were asked for, as far as the batch passed them. */
  readonly rootsAt: ReadonlyMap<number, Uint8Array>;
}

export interface OffsetGap {
  readonly wanted: bigint;
  readonly found: bigint;
}

export interface BatchInput {
  readonly position: LogPosition;
  /** Stands at the same size as the frontier. Moved on by the plan: discard it where the batch does not commit. */
  readonly levels: TileLevels;
  readonly records: readonly ReadRecord[];
  readonly known: ReadonlyMap<string, KnownEvent>;
  readonly rootSizes: ReadonlySet<number>;
}

/**
 * Decides which records become which leaves. Records below the position are dropped, a missing offset refuses the batch: reading on would lose
 * events. Depends on nothing but the records and what the ledger holds, so that a replay gives the same tree.
 */
export function planBatch(input: BatchInput): Result<BatchPlan, OffsetGap> {
  const { position, levels, records } = input;
  const frontier = position.frontier.copy();
  const known = new Map(input.known);
  const sources = new Map<string, SourceProgress>();
  const [leaves, tileHashes, rootsAt] = [[] as PlannedLeaf[], [] as CompletedHash[], new Map<number, Uint8Array>()];
  let { nextOffset } = position;
  let duplicates = 0;
  for (const record of records) {
    if (record.offset < nextOffset) continue;
    if (record.offset > nextOffset) return fail({ wanted: nextOffset, found: record.offset });
    nextOffset += 1n;
    const kind = kindOf(record, known);
    if (kind === 'duplicate') {
      duplicates += 1;
      continue;
    }
    if (record.kind === 'event' && kind === 'event') countSource(sources, record);
    leaves.push({ index: frontier.size, record, kind });
    frontier.append(record.hash);
    tileHashes.push(...levels.append(record.hash));
    if (input.rootSizes.has(frontier.size)) rootsAt.set(frontier.size, frontier.root());
  }
  return ok({ leaves, nextOffset, frontier, tileHashes, duplicates, sources, rootsAt });
}

function kindOf(record: ReadRecord, known: Map<string, KnownEvent>): PlannedLeaf['kind'] | 'duplicate' {
  if (record.kind === 'unparseable') return 'unparseable';
  const hash = record.hash.toString('hex');
  const before = known.get(record.eventId);
  if (before === undefined) {
    known.set(record.eventId, { event: hash, conflicts: [] });
    return 'event';
  }
  if (before.event === hash || before.conflicts.includes(hash)) return 'duplicate';
  known.set(record.eventId, { event: before.event, conflicts: [...before.conflicts, hash] });
  return 'conflict';
}

function countSource(sources: Map<string, SourceProgress>, { source, sequence }: EventRecord): void {
  const progress = sources.get(source) ?? { last: 0, events: 0 };
  progress.last = Math.max(progress.last, sequence);
  progress.events += 1;
  sources.set(source, progress);
}
