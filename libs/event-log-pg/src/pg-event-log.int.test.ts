import { EventLogGap } from '@sallyport/event-log';
import { eventLogContract } from '@sallyport/event-log/contract';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import type pg from 'pg';
import * as vitest from 'vitest';
import {
  deleteRecordsBelow,
  ensureTopics,
  eventLogMigrations,
  PgEventLogPublisher,
  PgEventLogReader,
} from './index.ts';

const { afterAll, beforeAll, describe, expect, it } = vitest;
const schema = 'event_log';

function openLogPool(url: string, connectionsMax = 10): pg.Pool {
  return openPool({ url, schema, applicationName: 'event-log-test', connectionsMax, statementMsMax: 10_000 });
}

eventLogContract(vitest, 'PostgreSQL', async () => {
  const database = await createTestDatabase();
  const pool = openLogPool(database.url);
  await migrate(pool, schema, eventLogMigrations);
  let topics = 0;
  return {
    createTopic: async () => {
      const topic = `sallyport.test-${(topics += 1)}.v1`;
      await ensureTopics(pool, [topic]);
      return topic;
    },
    openPublisher: async () => new PgEventLogPublisher(pool),
    openReader: async () => new PgEventLogReader(pool),
    deleteBelow: async (topic, offset) => void (await deleteRecordsBelow(pool, topic, offset)),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
});

describe('PostgreSQL event log', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = openLogPool(database.url);
    await migrate(pool, schema, eventLogMigrations);
    await ensureTopics(pool, ['t', 'u']);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('gives 8 concurrent publishers offsets without gaps, in commit order, each batch in one piece', async () => {
    const reader = new PgEventLogReader(pool);
    let isPublishing = true;
    const seen: string[] = [];
    const reading = (async () => {
      for (;;) {
        const records = await reader.read('t', BigInt(seen.length), {
          recordsMax: 100,
          waitMsMax: isPublishing ? 50 : 0,
        });
        seen.push(...records.map((record) => record.value));
        if (records.length === 0 && !isPublishing) return;
      }
    })();
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        const publisher = new PgEventLogPublisher(pool);
        for (let batch = 0; batch < 25; batch += 1) {
          const records = Array.from({ length: 5 }, (_, index) => ({ key: 'k', value: `${writer}/${batch}/${index}` }));
          await publisher.publishBatch('t', records);
        }
      }),
    );
    isPublishing = false;
    await reading;
    expect(seen).toHaveLength(1_000);
    expect(new Set(seen).size).toBe(1_000);
    for (let at = 0; at < seen.length; at += 5) {
      expect(seen.slice(at, at + 5).map((value) => value.replace(/\d+$/, ''))).toEqual(
        Array.from({ length: 5 }, () => (seen[at] ?? '').replace(/\d+$/, '')),
      );
    }
    await reader.close();
  });

  it('leaves nothing of a failed publish, not even an offset', async () => {
    const publisher = new PgEventLogPublisher(pool);
    const reader = new PgEventLogReader(pool);
    const before = await reader.bounds('t');
    await expect(publisher.publishBatch('t', [{ key: 'k', value: 'a\u0000b' }])).rejects.toThrow();
    await expect(publisher.publishBatch('t', [])).rejects.toThrow();
    expect(await reader.bounds('t')).toEqual(before);
    expect(await publisher.publishBatch('t', [{ key: 'k', value: 'v' }])).toEqual({ baseOffset: before.next });
  });

  it('notices a record that somebody has deleted by hand', async () => {
    const publisher = new PgEventLogPublisher(pool);
    const { baseOffset } = await publisher.publishBatch(
      't',
      ['a', 'b', 'c'].map((value) => ({ key: 'k', value })),
    );
    await pool.query('delete from record where "offset" = $1', [baseOffset + 1n]);
    const read = new PgEventLogReader(pool).read('t', baseOffset, { recordsMax: 10, waitMsMax: 0 });
    await expect(read).rejects.toBeInstanceOf(EventLogGap);
  });

  it('wakes a waiting read by notification, long before the next poll, also after its connection was cut', async () => {
    const publisher = new PgEventLogPublisher(pool);
    const reader = new PgEventLogReader(pool, { pollMs: 60_000 });
    const readNext = async (): Promise<number> => {
      const { next } = await reader.bounds('u');
      const waiting = reader.read('u', next, { recordsMax: 1, waitMsMax: 30_000 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const publishedMs = performance.now();
      await publisher.publishBatch('u', [{ key: 'k', value: 'v' }]);
      expect(await waiting).toHaveLength(1);
      return performance.now() - publishedMs;
    };
    expect(await readNext()).toBeLessThan(2_000);
    await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await readNext()).toBeLessThan(2_000);
    await reader.close();
  });

  it('needs little: a publisher that may only execute `publish`, a reader that may only select', async () => {
    await pool.query(`
      create role log_publisher login password 'p'; create role log_reader login password 'r';
      grant usage on schema ${schema} to log_publisher, log_reader;
      grant execute on function ${schema}.publish(text, text[], text[]) to log_publisher;
      grant select on ${schema}.topic, ${schema}.record to log_reader;`);
    const as = (user: string, password: string): pg.Pool => {
      const url = new URL(database.url);
      url.username = user;
      url.password = password;
      return openLogPool(url.toString(), 2);
    };
    const [publisherPool, readerPool] = [as('log_publisher', 'p'), as('log_reader', 'r')];
    try {
      const { baseOffset } = await new PgEventLogPublisher(publisherPool).publishBatch('u', [{ key: 'k', value: 'v' }]);
      const reader = new PgEventLogReader(readerPool);
      expect(await reader.read('u', baseOffset, { recordsMax: 5, waitMsMax: 0 })).toHaveLength(1);
      await expect(publisherPool.query('select * from record')).rejects.toThrow(/permission denied/);
      await expect(publisherPool.query('delete from record')).rejects.toThrow(/permission denied/);
      await expect(deleteRecordsBelow(publisherPool, 'u', 1n)).rejects.toThrow(/permission denied/);
      await expect(new PgEventLogPublisher(readerPool).publishBatch('u', [{ key: 'k', value: 'v' }])).rejects.toThrow(
        /permission denied/,
      );
    } finally {
      await publisherPool.end();
      await readerPool.end();
      await pool.query('drop owned by log_publisher, log_reader; drop role log_publisher, log_reader');
    }
  });
});
