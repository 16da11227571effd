import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import type { SourceState } from '../../domain/sequence-watch.ts';
import { Ledger, type LedgerTransaction, type LiveLog } from '../../ports/ledger.ts';
import { PgLedgerTransaction, positionOf } from './pg-ledger-transaction.ts';

/** The ledger in PostgreSQL. `pool` has the audit schema as its search path and stays the caller's to end. */
export class PgLedger extends Ledger {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  override async open(logs: readonly { readonly topic: string; readonly origin: string }[]): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      await client.query('lock table log in share row exclusive mode');
      for (const { topic, origin } of logs) {
        const { rows } = await client.query<{ origin: string }>('select origin from log where topic = $1', [topic]);
        const found = rows[0]?.origin;
        if (found === undefined)
          await client.query('insert into log (topic, origin, generation) values ($1, $2, create_generation($1))', [
            topic,
            origin,
          ]);
        else if (found !== origin)
          throw new Error(
            `the ledger holds ${topic} as ${found}, the configuration says ${origin}: a log keeps its origin; a new epoch needs a ledger of its own`,
          );
      }
    });
  }

  override async live(topic: string): Promise<LiveLog> {
    const { rows } = await this.#pool.query<{
      origin: string;
      generation: number;
      next_offset: string;
      frontier: Buffer;
      halted_reason: string | null;
    }>({
      name: 'audit-live-log',
      text: `select origin, generation, next_offset, frontier, halted_reason from log join generation using (generation)
        where log.topic = $1`,
      values: [topic],
    });
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no log ${topic}`);
    const { origin, generation, halted_reason: halted } = row;
    const position = positionOf(topic, row);
    return { topic, origin, generation, position, ...(halted === null ? {} : { haltedReason: halted }) };
  }

  override async transact<Answer>(
    topic: string,
    work: (transaction: LedgerTransaction) => Promise<Answer>,
  ): Promise<Answer> {
    return inTransaction(this.#pool, async (client) => {
      // The log's row first: whoever swaps generations holds it, so that nobody appends to one that was just replaced.
      const { rows } = await client.query<{ generation: number }>({
        name: 'audit-lock-log',
        text: 'select generation from log where topic = $1 for no key update',
        values: [topic],
      });
      const generation = rows[0]?.generation;
      if (generation === undefined) throw new Error(`there is no log ${topic}`);
      return work(await PgLedgerTransaction.lock(client, topic, generation));
    });
  }

  override async setHalted(topic: string, reason: string | undefined): Promise<void> {
    await this.#pool.query(
      'update log set halted_reason = $2, halted_at = case when $2::text is null then null else now() end where topic = $1',
      [topic, reason ?? null],
    );
  }

  override async sources(writtenWithinMs: number): Promise<readonly SourceState[]> {
    const { rows } = await this.#pool.query<{ source: string; last: string; events: string }>(
      `select source, max(last_sequence) as last, sum(events) as events from source_sequence
        where generation in (select generation from log) group by source
        having max(touched_at) > now() - $1 * interval '1 millisecond'`,
      [writtenWithinMs],
    );
    return rows.map(({ source, last, events }) => ({ source, lastSequence: Number(last), events: Number(events) }));
  }
}
