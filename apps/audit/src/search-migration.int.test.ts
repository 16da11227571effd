import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase } from '@sallyport/pg-embedded/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditMigrations } from './adapters/pg/audit-migrations.ts';

describe('a ledger from before searches had their indexes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-migration-'));
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let pool: ReturnType<typeof openPool>;
  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = database;
    pool = openPool({ url, schema: 'audit', applicationName: 'test', connectionsMax: 2, statementMsMax: 20_000 });
    copyFileSync(new URL('0001_ledger.sql', auditMigrations), join(directory, '0001_ledger.sql'));
    await migrate(pool, 'audit', pathToFileURL(`${directory}/`));
    await pool.query(`select create_generation('some-topic')`);
    await pool.query(`insert into leaf_1 (leaf_index, kind, log_offset, hash, body, type, event_time)
      select n, 0, n, sha256(n::text::bytea), '{}', 'some.type', timestamptz '2026-11-23T10:00:00Z' + n * interval '1 second'
      from generate_series(0, 1500) as n`);
    await pool.query(
      `insert into leaf_1 (leaf_index, kind, log_offset, hash, raw) values (1501, 2, 1501, sha256(''), '')`,
    );
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('gets them, and the times of its blocks', async () => {
    await migrate(pool, 'audit', auditMigrations);
    const blocks = await pool.query('select generation, block, from_time, to_time from leaf_time order by block');
    const at = (second: number) => new Date(Date.parse('2026-11-23T10:00:00Z') + second * 1_000);
    expect(blocks.rows).toEqual([
      { generation: 1, block: '0', from_time: at(0), to_time: at(1_023) },
      { generation: 1, block: '1', from_time: at(1_024), to_time: at(1_500) },
    ]);
    await pool.query(`select create_generation('some-topic')`);
    const names = async (table: string) => {
      const { rows } = await pool.query<{ name: string }>(
        `select replace(indexname, $1, 'leaf') as name from pg_indexes where schemaname = 'audit' and tablename = $1 order by 1`,
        [table],
      );
      return rows.map(({ name }) => name);
    };
    expect(await names('leaf_1')).toEqual(await names('leaf_2'));
    expect(await names('leaf_1')).toContain('leaf_principal_leaf_index_idx');
    expect(await names('leaf_1')).not.toContain('leaf_event_time_idx');
    await pool.query('select drop_generation(1)');
    expect((await pool.query('select from leaf_time')).rowCount).toBe(0);
  });
});
