import { EventLogPublisher, type EventRecord } from '@sallyport/event-log';
import type pg from 'pg';
import { binaryTextArray } from './binary-text-array.ts';

/**
 * Appends to the log table: one statement, one durable commit per batch.
 * `pool` has the log's schema as its search path, stays the caller's to end, and its statement timeout bounds a publish.
 */
export class PgEventLogPublisher extends EventLogPublisher {
  readonly #pool: pg.Pool;
  #pending: Promise<unknown> | undefined;
  #closed = false;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  async publishBatch(topic: string, records: readonly EventRecord[]): Promise<{ readonly baseOffset: bigint }> {
    if (this.#closed) throw new Error('the publisher is closed');
    if (this.#pending !== undefined) throw new Error('a publish is pending: one batch at a time');
    const publishing = this.#pool.query<{ base: string }>({
      name: 'sallyport-event-log-publish',
      text: 'select publish($1, $2, $3) as base',
      values: [
        topic,
        binaryTextArray(records.map((record) => record.key)),
        binaryTextArray(records.map((record) => record.value)),
      ],
    });
    this.#pending = publishing;
    try {
      const base = (await publishing).rows[0]?.base;
      if (base === undefined) throw new Error(`${topic}: the publish gave no offset`);
      return { baseOffset: BigInt(base) };
    } finally {
      this.#pending = undefined;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#pending?.catch(() => undefined);
  }
}
