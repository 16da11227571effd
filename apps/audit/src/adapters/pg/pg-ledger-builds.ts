import { inTransaction } from '@sallyport/pg';
import type { Result } from '@sallyport/result';
import type pg from 'pg';
import { type Build, LedgerBuilds } from '../../ports/ledger-builds.ts';
import type { LedgerTransaction } from '../../ports/ledger.ts';
import { leafTable } from './leaf-table.ts';
import { PgLedgerTransaction } from './pg-ledger-transaction.ts';

const lockName = 'sallyport-ledger-rebuild';

/** Builds beside the live ledger, each with a table of leaves of its own. Holds one connection while a rebuild runs. */
export class PgLedgerBuilds extends LedgerBuilds {
  readonly #pool: pg.Pool;
  #isRunning = false;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  override async exclusively<Answer>(work: () => Promise<Answer>): Promise<Answer | undefined> {
    if (this.#isRunning) return undefined;
    this.#isRunning = true;
    try {
      const client = await this.#pool.connect();
      // The connection only holds a lock. Were it lost, a second rebuild could begin: both then build apart, and the swap takes one at a time.
      client.on('error', () => undefined);
      try {
        return await this.#locked(client, work);
      } finally {
        // The lock belongs to the session: it ends with the connection, whatever state that is in.
        client.release(true);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #locked<Answer>(client: pg.PoolClient, work: () => Promise<Answer>): Promise<Answer | undefined> {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1 || current_schema(), 0)) as locked',
      [lockName],
    );
    if (rows[0]?.locked !== true) return undefined;
    // A process that was killed while it rebuilt has left its build.
    await this.#dropUnused();
    try {
      return await work();
    } finally {
      await this.#dropUnused();
    }
  }

  override async begin(topic: string): Promise<Build> {
    const { rows } = await this.#pool.query<{ generation: number }>('select create_generation($1) as generation', [
      topic,
    ]);
    const generation = rows[0]?.generation;
    if (generation === undefined) throw new Error('no generation was made');
    return { topic, generation };
  }

  override async transact<Answer>(
    build: Build,
    work: (transaction: LedgerTransaction) => Promise<Answer>,
  ): Promise<Answer> {
    return inTransaction(this.#pool, async (client) =>
      work(await PgLedgerTransaction.lock(client, build.topic, build.generation)),
    );
  }

  override async firstDifference(build: Build, fromIndex: number, toIndex: number): Promise<number | undefined> {
    const { rows: live } = await this.#pool.query<{ generation: number; tree_size: string }>(
      'select generation, tree_size from log join generation using (generation) where log.topic = $1',
      [build.topic],
    );
    const [row] = live;
    if (row === undefined) return undefined;
    const { rows } = await this.#pool.query<{ index: string }>(
      `select built.leaf_index as index from ${leafTable(build.generation)} as built
        left join ${leafTable(row.generation)} as live using (leaf_index)
        where built.leaf_index >= $1 and built.leaf_index < least($2::bigint, $3::bigint)
          and (built.hash, built.body, built.raw) is distinct from (live.hash, live.body, live.raw)
        order by built.leaf_index limit 1`,
      [fromIndex, toIndex, row.tree_size],
    );
    return rows[0] === undefined ? undefined : Number(rows[0].index);
  }

  override async swap<Reason>(
    builds: readonly Build[],
    ready: (build: Build, transaction: LedgerTransaction, liveNextOffset: bigint) => Promise<Result<void, Reason>>,
  ): Promise<Result<void, Reason>> {
    const refused = new SwapRefused<Reason>();
    try {
      return await inTransaction(this.#pool, async (client) => {
        let answer: Result<void, Reason> = { ok: true, value: undefined };
        for (const build of builds.toSorted((left, right) => (left.topic < right.topic ? -1 : 1))) {
          const { rows } = await client.query<{ generation: number }>(
            'select generation from log where topic = $1 for no key update',
            [build.topic],
          );
          const live = await PgLedgerTransaction.lock(client, build.topic, rows[0]?.generation ?? 0);
          const building = await PgLedgerTransaction.lock(client, build.topic, build.generation);
          answer = await ready(build, building, live.position.nextOffset);
          if (!answer.ok) throw refused.with(answer);
          // A rebuild starts from offset 0 and has found every record: what stopped the log is put right.
          await client.query(
            'update log set generation = $2, halted_reason = null, halted_at = null where topic = $1',
            [build.topic, build.generation],
          );
        }
        return answer;
      });
    } catch (error) {
      if (error === refused && refused.answer !== undefined) return refused.answer;
      throw error;
    }
  }

  /** Generations that no log points to. A reader that still holds one is told to ask again. */
  async #dropUnused(): Promise<void> {
    const { rows } = await this.#pool.query<{ generation: number }>(
      'select generation from generation where generation not in (select generation from log)',
    );
    for (const { generation } of rows) await this.#pool.query('select drop_generation($1)', [generation]);
  }
}

/** Rolls the transaction of a swap back without being an error to its caller. */
class SwapRefused<Reason> extends Error {
  answer: Result<void, Reason> | undefined;

  with(answer: Result<void, Reason>): this {
    this.answer = answer;
    return this;
  }
}
