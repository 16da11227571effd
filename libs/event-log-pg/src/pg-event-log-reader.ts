import {
  EventLogGap,
  EventLogReader,
  type ReadOptions,
  type StoredRecord,
  type TopicBounds,
} from '@sallyport/event-log';
import type pg from 'pg';
import { TopicWakeUps } from './topic-wake-ups.ts';

export interface PgEventLogReaderOptions {
  /** How long a waiting read trusts the notifications before it looks itself. */
  readonly pollMs?: number;
}

const defaultPollMs = 200;

/**
 * Reads the log table. `pool` has the log's schema as its search path and stays the caller's to end; one of its connections is held for
 * notifications while reads wait.
 */
export class PgEventLogReader extends EventLogReader {
  readonly #pool: pg.Pool;
  readonly #pollMs: number;
  readonly #wakeUps: TopicWakeUps;
  #closed = false;

  constructor(pool: pg.Pool, options: PgEventLogReaderOptions = {}) {
    super();
    this.#pool = pool;
    this.#pollMs = options.pollMs ?? defaultPollMs;
    this.#wakeUps = new TopicWakeUps(pool);
  }

  async read(topic: string, fromOffset: bigint, options: ReadOptions): Promise<readonly StoredRecord[]> {
    if (this.#closed) throw new Error('the reader is closed');
    const untilMs = performance.now() + options.waitMsMax;
    while (options.signal?.aborted !== true && !this.#closed) {
      const { first, next } = await this.bounds(topic);
      if (fromOffset < first) throw new EventLogGap(topic, fromOffset, first);
      if (fromOffset > next) throw new EventLogGap(topic, fromOffset, next);
      if (fromOffset < next) return this.#records(topic, fromOffset, options.recordsMax);
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) break;
      await this.#wakeUps.wait(topic, Math.min(leftMs, this.#pollMs), options.signal);
    }
    return [];
  }

  async bounds(topic: string): Promise<TopicBounds> {
    if (this.#closed) throw new Error('the reader is closed');
    const { rows } = await this.#pool.query<{ first: string; next: string }>({
      name: 'sallyport-event-log-bounds',
      text: 'select first_offset as first, next_offset as next from topic where name = $1',
      values: [topic],
    });
    const row = rows[0];
    if (row === undefined) throw new Error(`topic ${topic} does not exist`);
    return { first: BigInt(row.first), next: BigInt(row.next) };
  }

  async #records(topic: string, fromOffset: bigint, recordsMax: number): Promise<readonly StoredRecord[]> {
    const { rows } = await this.#pool.query<{ offset: string; key: string; value: string }>({
      name: 'sallyport-event-log-read',
      text: `select "offset", key, value from record
        where topic_id = (select topic_id from topic where name = $1) and "offset" >= $2 order by "offset" limit $3`,
      values: [topic, fromOffset, recordsMax],
    });
    const records = rows.map(({ offset, key, value }) => ({ offset: BigInt(offset), key, value }));
    let expected = fromOffset;
    for (const { offset } of records) {
      if (offset !== expected) throw new EventLogGap(topic, expected, offset);
      expected += 1n;
    }
    // The bounds promised a record: retention was faster, or somebody has deleted it.
    if (records.length === 0) throw new EventLogGap(topic, fromOffset, (await this.bounds(topic)).first);
    return records;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeUps.close();
  }
}
