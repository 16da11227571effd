import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from './migrate.ts';
import { openPool } from './open-pool.ts';
import { isPgUnavailable } from './pg-unavailable.ts';

const open = (url: string) =>
  openPool({ url, schema: 'shop', applicationName: 'test', connectionsMax: 4, statementMsMax: 5_000 });

function directoryOf(files: Readonly<Record<string, string>>): URL {
  const directory = mkdtempSync(join(tmpdir(), 'migrations-'));
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(directory, name), sql);
  return pathToFileURL(`${directory}/`);
}

describe('migrate', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = open(database.url);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('applies each file once, in order, also when several processes start at once', async () => {
    const directory = directoryOf({
      '0002_fill.sql': 'insert into item values (1)',
      '0001_item.sql': 'create table item (id int primary key)',
    });
    await Promise.all([
      migrate(pool, 'shop', directory),
      migrate(pool, 'shop', directory),
      migrate(pool, 'shop', directory),
    ]);
    expect((await pool.query('select id from shop.item')).rows).toEqual([{ id: 1 }]);
    expect((await pool.query('select name from shop.migration order by name')).rows.map((row) => row.name)).toEqual([
      '0001_item.sql',
      '0002_fill.sql',
    ]);
  });

  it('refuses a changed file and leaves nothing of a failed one', async () => {
    await migrate(pool, 'changed', directoryOf({ '0001_a.sql': 'create table a (id int)' }));
    await expect(migrate(pool, 'changed', directoryOf({ '0001_a.sql': 'create table b (id int)' }))).rejects.toThrow(
      /changed after/,
    );
    await expect(
      migrate(pool, 'broken', directoryOf({ '0001_a.sql': 'create table a (id int); select nonsense' })),
    ).rejects.toThrow(/0001_a/);
    expect((await pool.query("select to_regclass('broken.a') as made")).rows[0].made).toBeNull();
  });

  it('tells an unreachable server from a wrong statement', async () => {
    const nowhere = open('postgresql://x@localhost/x?host=%2Fnonexistent');
    const unreachable = await nowhere.query('select 1').catch((error: unknown) => error);
    const wrong = await pool.query('select nonsense').catch((error: unknown) => error);
    await nowhere.end();
    expect(isPgUnavailable(unreachable)).toBe(true);
    expect(isPgUnavailable(wrong)).toBe(false);
  });
});
