import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { openPool } from './open-pool.ts';

let database: TestDatabase;
const directory = mkdtempSync(join(tmpdir(), 'sallyport-pg-'));
const passwordFile = join(directory, 'password');

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

function poolOf(url: string) {
  return openPool({
    url,
    schema: 'public',
    applicationName: 'test',
    connectionsMax: 1,
    statementMsMax: 5_000,
    passwordFile,
  });
}

it('takes the password from its file, and a new one at the next connection', async () => {
  const url = new URL(database.url);
  const { password } = url;
  url.password = '';
  const pool = poolOf(url.toString());
  writeFileSync(passwordFile, 'wrong\n');
  await expect(pool.query('select 1')).rejects.toMatchObject({ code: '28P01' });
  writeFileSync(passwordFile, `${password}\n`);
  const { rows } = await pool.query<{ name: string; path: string }>(
    `select current_database() as name, current_setting('search_path') as path`,
  );
  expect(rows).toEqual([{ name: url.pathname.slice(1), path: 'public' }]);
  await pool.end();
});
