import type pg from 'pg';

export interface BackendKiller {
  stop(): Promise<void>;
}

/** Terminates random backends of the database whose last statement matches, again and again. */
export function startBackendKiller(
  pool: pg.Pool,
  options: { readonly matching: string; readonly most: number; readonly everyMs: number },
): BackendKiller {
  const stopped = new AbortController();
  const kill = async () => {
    while (!stopped.signal.aborted) {
      await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and query ~ $1 order by random() limit $2`,
        [options.matching, options.most],
      );
      await new Promise((resolve) => setTimeout(resolve, options.everyMs));
    }
  };
  const killing = kill();
  return {
    stop: async () => {
      stopped.abort();
      await killing;
    },
  };
}
