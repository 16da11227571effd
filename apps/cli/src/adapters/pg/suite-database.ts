import { readSecretFile } from '@sallyport/config';
import { ensureTopics, eventLogMigrations } from '@sallyport/event-log-pg';
import { migrate, openPool } from '@sallyport/pg';
import { fail, ok, type Result } from '@sallyport/result';
import pg from 'pg';

import { databaseRoles, type DatabaseRole, type SuiteSecrets } from '../../suite/suite-secrets.ts';

export const suiteDatabase = 'sallyport';

const serverPort = 5432;
const statementMsMax = 30_000;

/** `postgresql://…` over the server's socket, without a password. */
export function databaseUrl(socketDirectory: string, role: string, database: string = suiteDatabase): string {
  return `postgresql://${role}@localhost:${serverPort}/${database}?host=${encodeURIComponent(socketDirectory)}`;
}

/**
 * Roles, schemas and grants of the suite's database, each time anew: a role owns the schema of its own name and sees no other.
 * `topics` are made in the event log where they are missing; without topics the event log is elsewhere.
 */
export async function prepareSuiteDatabase(
  socketDirectory: string,
  secrets: SuiteSecrets,
  topics: readonly string[] | undefined,
): Promise<Result<void, string>> {
  try {
    const superuser = (database: string, work: (client: pg.PoolClient) => Promise<void>) =>
      asSuperuser(databaseUrl(socketDirectory, 'postgres', database), secrets.postgresPassword, work);
    await superuser('postgres', (client) => ensureRolesAndDatabase(client, secrets));
    await superuser(suiteDatabase, ensureSchemas);
    if (topics !== undefined) await prepareEventLog(socketDirectory, secrets, topics);
    return ok(undefined);
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01')
      return fail(
        `the database does not accept the password in ${secrets.postgresPassword}: restore the file, or start on another data directory with --data DIR`,
      );
    return fail(`the database could not be prepared: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Statements of a session may hold passwords: none goes to the server's log. */
async function asSuperuser(
  url: string,
  passwordFile: string,
  work: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const pool = openPool({
    url,
    schema: 'pg_catalog',
    applicationName: 'supervisor',
    connectionsMax: 1,
    statementMsMax,
    passwordFile,
  });
  try {
    const client = await pool.connect();
    await client.query('set log_min_error_statement = panic');
    await work(client).finally(() => client.release());
  } finally {
    await pool.end();
  }
}

async function ensureRolesAndDatabase(client: pg.PoolClient, secrets: SuiteSecrets): Promise<void> {
  const roles = await client.query<{ rolname: string }>('select rolname from pg_roles');
  const known = new Set(roles.rows.map(({ rolname }) => rolname));
  for (const role of databaseRoles) {
    const password = client.escapeLiteral(readSecretFile(secrets.rolePassword[role]));
    const verb = known.has(role) ? 'alter' : 'create';
    await client.query(`${verb} role ${role} login nosuperuser nocreatedb nocreaterole password ${password}`);
  }
  const databases = await client.query('select from pg_database where datname = $1', [suiteDatabase]);
  if (databases.rows.length === 0) await client.query(`create database ${suiteDatabase}`);
  await client.query(`revoke all on database ${suiteDatabase} from public`);
  await client.query(`grant connect on database ${suiteDatabase} to ${databaseRoles.join(', ')}`);
}

async function ensureSchemas(client: pg.PoolClient): Promise<void> {
  await client.query('revoke all on schema public from public');
  for (const role of databaseRoles) await client.query(`create schema if not exists ${role} authorization ${role}`);
}

/** Least privilege as the event log's README lists it: publishers append, the reader reads, nobody else does anything. */
async function prepareEventLog(
  socketDirectory: string,
  secrets: SuiteSecrets,
  topics: readonly string[],
): Promise<void> {
  const schema = 'event_log' satisfies DatabaseRole;
  const pool = openPool({
    url: databaseUrl(socketDirectory, schema),
    schema,
    applicationName: 'supervisor',
    connectionsMax: 1,
    statementMsMax,
    passwordFile: secrets.rolePassword[schema],
  });
  try {
    await migrate(pool, schema, eventLogMigrations);
    await ensureTopics(pool, topics);
    await pool.query(`grant usage on schema ${schema} to control, router, scheduler, audit`);
    await pool.query('grant execute on function publish(text, text[], text[]) to control, router, scheduler, audit');
    await pool.query('grant select on topic, record to audit');
  } finally {
    await pool.end();
  }
}
