import { binaryTextArray } from '@sallyport/event-log-pg';
import type pg from 'pg';
import type { PlannedLeaf } from '../../domain/plan-batch.ts';
import type { EventRecord } from '../../domain/read-record.ts';
import { leafKind, leafTable, leavesPerTimeBlock } from './leaf-table.ts';

interface EventLeaf {
  readonly index: number;
  readonly record: EventRecord;
}

/** Writes the leaves of a batch: events in one statement, the others, which are rare, one by one. */
export async function insertLeaves(
  client: pg.PoolClient,
  generation: number,
  leaves: readonly PlannedLeaf[],
): Promise<void> {
  const events: EventLeaf[] = [];
  for (const { index, record, kind } of leaves) {
    if (record.kind === 'event' && kind === 'event') events.push({ index, record });
    else await insertIrregular(client, generation, { index, record, kind });
  }
  if (events.length > 0) await insertEvents(client, generation, events);
}

/** Texts go as one binary array a column, hashes as one piece that the server cuts; the blocks' times follow from the rows. */
async function insertEvents(client: pg.PoolClient, generation: number, events: readonly EventLeaf[]): Promise<void> {
  const texts = (pick: (record: EventRecord) => string) => binaryTextArray(events.map(({ record }) => pick(record)));
  await client.query({
    name: `audit-insert-events-${generation}`,
    text: `with written as (insert into ${leafTable(generation)} (leaf_index, kind, log_offset, hash, body, event_id, call_id, seq, phase, type, event_time,
        workspace, tunnel, tool, principal)
      select leaf_index, 0, log_offset, substring($3::bytea from (ordinal::int - 1) * 32 + 1 for 32), body, event_id::uuid, nullif(call_id, ''),
        nullif(seq, 0), nullif(phase, ''), type, event_time::timestamptz, nullif(workspace, ''), nullif(tunnel, ''), nullif(tool, ''),
        nullif(principal, '')
      from unnest($1::bigint[], $2::bigint[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::text[],
        $12::text[], $13::text[], $14::text[]) with ordinality
        as batch (leaf_index, log_offset, body, event_id, call_id, seq, phase, type, event_time, workspace, tunnel, tool, principal, ordinal)
        returning leaf_index / ${leavesPerTimeBlock} as block, event_time)
      insert into leaf_time as known select ${generation}, block, min(event_time), max(event_time) from written group by block
        on conflict (generation, block) do update set from_time = least(known.from_time, excluded.from_time),
          to_time = greatest(known.to_time, excluded.to_time)`,
    values: [
      events.map(({ index }) => index),
      events.map(({ record }) => record.offset),
      Buffer.concat(events.map(({ record }) => record.hash)),
      texts(({ body }) => body),
      texts(({ eventId }) => eventId),
      texts(({ fields }) => fields.callId),
      events.map(({ record }) => record.fields.seq),
      texts(({ fields }) => fields.phase),
      texts(({ fields }) => fields.type),
      texts(({ fields }) => fields.time),
      texts(({ fields }) => fields.workspace),
      texts(({ fields }) => fields.tunnel),
      texts(({ fields }) => fields.tool),
      texts(({ fields }) => fields.principal),
    ],
  });
}

async function insertIrregular(client: pg.PoolClient, generation: number, leaf: PlannedLeaf): Promise<void> {
  const { index, record, kind } = leaf;
  const raw = record.kind === 'unparseable' ? record.leaf : Buffer.from(record.body);
  await client.query(
    `insert into ${leafTable(generation)} (leaf_index, kind, log_offset, hash, raw, event_id) values ($1, $2, $3, $4, $5, $6)`,
    [index, leafKind[kind], record.offset, record.hash, raw, record.kind === 'event' ? record.eventId : null],
  );
}
