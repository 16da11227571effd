import type pg from 'pg';

/** Retention: removes the records of a topic below an offset and answers with the first offset that is left. */
export async function deleteRecordsBelow(pool: pg.Pool, topic: string, offset: bigint): Promise<bigint> {
  const { rows } = await pool.query<{ first: string }>('select delete_below($1, $2) as first', [topic, offset]);
  return BigInt(rows[0]?.first ?? 0);
}
