import type pg from 'pg';

export interface OutboxRow {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
}

export interface OutboxHead {
  readonly rows: readonly OutboxRow[];
  /** The place of the last row. */
  readonly lastXid: string;
  readonly lastId: string;
}

/**
 * The oldest rows, gated: only rows of transactions older than every one that is still running, in the order (xid, id). Nothing can appear
 * before them any more, so what is read is a complete prefix.
 */
const headSql = `
  with head as (
    select xid, id, topic, key, value from outbox
    where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, id limit $1
  ), sized as (
    select *, sum(octet_length(value) + octet_length(key)) over (order by xid, id) as bytes, row_number() over (order by xid, id) as ordinal
    from head
  )
  select xid::text as xid_text, id, topic, key, value from sized where bytes <= $2 or ordinal = 1 order by xid, id`;

export async function readOutboxHead(
  client: pg.ClientBase,
  limits: { readonly rowsMax: number; readonly bytesMax: number },
): Promise<OutboxHead | undefined> {
  const { rows } = await client.query<OutboxRow & { xid_text: string; id: string }>({
    name: 'sallyport-outbox-head',
    text: headSql,
    values: [limits.rowsMax, limits.bytesMax],
  });
  const last = rows.at(-1);
  return last === undefined ? undefined : { rows, lastXid: last.xid_text, lastId: last.id };
}

/** Deletes what a head held: it was a complete prefix, so every row up to its last is one of its rows. */
export async function deleteOutboxHead(client: pg.ClientBase, head: OutboxHead): Promise<void> {
  await client.query({
    name: 'sallyport-outbox-delete',
    text: 'delete from outbox where (xid, id) <= ($1::xid8, $2::bigint)',
    values: [head.lastXid, head.lastId],
  });
}
