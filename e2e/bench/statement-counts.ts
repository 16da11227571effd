import { setTimeout as sleep } from 'node:timers/promises';
import type { Suite } from '../harness/suite.ts';
import { openSuiteDatabase } from '../harness/suite-database.ts';

export interface StatementCount {
  readonly role: string;
  readonly text: string;
  readonly calls: number;
  readonly ms: number;
  readonly rows: number;
  readonly walBytes: number;
}

export interface DatabaseWork {
  readonly statements: readonly StatementCount[];
  readonly commits: number;
}

type Database = ReturnType<typeof openSuiteDatabase>;
const restartMsMax = 30_000;

/** Counts what each statement costs the server (pg_stat_statements). */
export class StatementCounts {
  readonly #database: Database;
  #commits = 0;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Starts the suite's server anew: the module has to be there from its beginning. */
  static async open(suite: Suite): Promise<StatementCounts> {
    const before = openSuiteDatabase(suite.ready.dataDir);
    await before.query(`alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await before.end();
    process.kill(suite.pidOf('postgres'), 'SIGTERM');
    const untilMs = performance.now() + restartMsMax;
    for (;;) {
      await sleep(500);
      const database = openSuiteDatabase(suite.ready.dataDir);
      try {
        await database.query('create extension if not exists pg_stat_statements schema public');
        await database.query('select public.pg_stat_statements_reset()');
        return new StatementCounts(database);
      } catch (error) {
        await database.end();
        if (performance.now() > untilMs) throw error;
      }
    }
  }

  async begin(): Promise<void> {
    await this.#database.query('select public.pg_stat_statements_reset()');
    this.#commits = await this.#commitCount();
  }

  async end(): Promise<DatabaseWork> {
    const { rows } = await this.#database.query<{
      role: string;
      query: string;
      calls: string;
      ms: number;
      rows: string;
      wal: string;
    }>(
      `select rolname as role, regexp_replace(query, '\\s+', ' ', 'g') as query, calls, total_exec_time as ms, rows, wal_bytes as wal
        from public.pg_stat_statements join pg_roles on userid = pg_roles.oid where rolname <> 'postgres' order by total_exec_time desc`,
    );
    const commits = (await this.#commitCount()) - this.#commits;
    const statements = rows.map(({ role, query, calls, ms, rows: count, wal }) => ({
      role,
      text: query,
      calls: Number(calls),
      ms,
      rows: Number(count),
      walBytes: Number(wal),
    }));
    return { statements, commits };
  }

  async close(): Promise<void> {
    await this.#database.end();
  }

  async #commitCount(): Promise<number> {
    const { rows } = await this.#database.query<{ commits: string }>(
      'select xact_commit as commits from pg_stat_database where datname = current_database()',
    );
    return Number(rows[0]?.commits);
  }
}
