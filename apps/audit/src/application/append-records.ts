import { type Result, ok } from '@sallyport/result';
import type { TileLevels } from '@sallyport/transparency-log';
import { type BatchPlan, type OffsetGap, planBatch } from '../domain/plan-batch.ts';
import type { ReadRecord } from '../domain/read-record.ts';
import type { LedgerTransaction } from '../ports/ledger.ts';

export interface AppendOptions {
  /** What the previous batch of the same generation left, to save reading it; used where it fits the position. */
  readonly levels?: KeptLevels | undefined;
  readonly rootSizes?: ReadonlySet<number>;
  readonly announce: boolean;
}

export interface KeptLevels {
  readonly generation: number;
  readonly levels: TileLevels;
}

export interface Appended {
  readonly plan: BatchPlan;
  /** Only to be kept once the transaction has committed. */
  readonly levels: KeptLevels;
}

/** Appends records to a locked log: what is known is dropped, what is missing refuses the batch. */
export async function appendRecords(
  transaction: LedgerTransaction,
  records: readonly ReadRecord[],
  options: AppendOptions,
): Promise<Result<Appended, OffsetGap>> {
  const { generation, position } = transaction;
  const fits = options.levels?.generation === generation && options.levels.levels.size === position.frontier.size;
  const levels = fits && options.levels ? options.levels.levels : await transaction.levels();
  const ids = new Set<string>();
  for (const record of records)
    if (record.kind === 'event' && record.offset >= position.nextOffset) ids.add(record.eventId);
  const known = await transaction.known([...ids]);
  const plan = planBatch({ position, levels, records, known, rootSizes: options.rootSizes ?? new Set() });
  if (!plan.ok) return plan;
  if (plan.value.nextOffset > position.nextOffset) await transaction.write(plan.value, options.announce);
  return ok({ plan: plan.value, levels: { generation, levels } });
}
