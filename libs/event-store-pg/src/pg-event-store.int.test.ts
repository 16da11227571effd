import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventStoreMigrations } from './event-store-migrations.ts';
import { PgEventStore } from './pg-event-store.ts';

interface Added {
  readonly amount: number;
}
const codec = {
  encode: (event: Added) => ({ type: 'Added', data: event }),
  decode: (_type: string, data: unknown) => data as Added,
};

describe('PgEventStore', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = openPool({
      url: database.url,
      schema: 'app',
      applicationName: 'test',
      connectionsMax: 8,
      statementMsMax: 5_000,
    });
    await migrate(pool, 'app', eventStoreMigrations);
    await pool.query('create table total (stream_id text primary key, version int)');
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('lets exactly one of many writers append at a version', async () => {
    const store = new PgEventStore<Added>(pool, codec, () => Promise.resolve());
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, amount) => store.append('race', 0, [{ amount }, { amount }])),
    );
    expect(outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(1);
    expect((await store.read('race')).version).toBe(2);
    expect(await store.append('race', 2, [{ amount: 9 }])).toBe('appended');
    expect((await store.read('race')).events.at(-1)).toEqual({ amount: 9 });
  });

  it('rolls the events back with what failed beside them', async () => {
    const store = new PgEventStore<Added>(pool, codec, async (client, streamId, _events, version) => {
      await client.query('insert into total values ($1, $2) on conflict (stream_id) do update set version = $2', [
        streamId,
        version,
      ]);
      if (version > 1) throw new Error('projection broke');
    });
    expect(await store.append('both', 0, [{ amount: 1 }])).toBe('appended');
    await expect(store.append('both', 1, [{ amount: 2 }])).rejects.toThrow('projection broke');
    expect((await store.read('both')).version).toBe(1);
    expect((await pool.query('select version from total')).rows).toEqual([{ version: 1 }]);
  });
});
