import type pg from 'pg';

/** Makes the topics that do not exist yet. `pool` has the log's schema as its search path. */
export async function ensureTopics(pool: pg.Pool, topics: readonly string[]): Promise<void> {
  await pool.query('select ensure_topics($1)', [topics]);
}
