import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import type pg from 'pg';

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

const fileName = /^\d{4}_[a-z0-9_-]+\.sql$/;

/**
 * Applies the files `NNNN_name.sql` of the directories, in the order of their names, each in a transaction of its own whose
 * `search_path` is the schema, and records them in `<schema>.migration`. Several processes may start at once: one migrates, the others wait.
 * Throws where an applied file has changed since, or a file has a name that would not sort.
 */
export async function migrate(pool: pg.Pool, schema: string, ...directories: readonly URL[]): Promise<void> {
  const migrations = directories.flatMap(readMigrations).sort((a, b) => a.name.localeCompare(b.name, 'en'));
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [`sallyport-migrate-${schema}`]);
    // `if not exists` asks for the right to create schemas first, which a service that was given its schema does not have.
    const existing = await client.query('select from pg_namespace where nspname = $1', [schema]);
    if (existing.rows.length === 0) await client.query(`create schema ${schema}`);
    await client.query(
      `create table if not exists ${schema}.migration (name text primary key, sha256 text not null, applied_at timestamptz not null default now())`,
    );
    const { rows } = await client.query<{ name: string; sha256: string }>(
      `select name, sha256 from ${schema}.migration`,
    );
    const applied = new Map(rows.map((row) => [row.name, row.sha256]));
    for (const migration of migrations) await applyOnce(client, schema, migration, applied.get(migration.name));
  } finally {
    await client.query('select pg_advisory_unlock_all()').catch(() => undefined);
    client.release();
  }
}

function readMigrations(directory: URL): Migration[] {
  return readdirSync(directory).map((name) => {
    if (!fileName.test(name))
      throw new Error(`migration ${name} in ${directory.pathname}: the name must look like 0001_what_it_does.sql`);
    const sql = readFileSync(new URL(name, directory), 'utf8');
    return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
  });
}

async function applyOnce(
  client: pg.PoolClient,
  schema: string,
  migration: Migration,
  appliedSha256: string | undefined,
): Promise<void> {
  if (appliedSha256 === migration.sha256) return;
  if (appliedSha256 !== undefined) {
    throw new Error(
      `migration ${migration.name} of schema ${schema} was changed after it had been applied: add a new file instead`,
    );
  }
  await client.query('begin');
  try {
    await client.query(`set local search_path = ${schema}`);
    await client.query(migration.sql);
    await client.query(`insert into ${schema}.migration (name, sha256) values ($1, $2)`, [
      migration.name,
      migration.sha256,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(`migration ${migration.name} of schema ${schema} failed`, { cause: error });
  }
}
