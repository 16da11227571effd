import type { AppendOutcome, EventStore, EventStream } from '@sallyport/event-sourcing';
import { PgEventStore } from '@sallyport/event-store-pg';
import type pg from 'pg';
import type { TunnelEvent } from '../../domain/tunnel.ts';
import { TunnelStreams } from '../../ports/tunnel-streams.ts';
import { tunnelPublication } from '../../projections/tunnel-publication.ts';
import { type RowChange, tunnelRowChanges } from '../../projections/tunnel-rows.ts';
import type { ControlChanges } from './control-changes.ts';

/** Stored as it is; a shape that changes gets its upcast here. */
const codec = {
  encode: ({ type, ...data }: TunnelEvent) => ({ type, data }),
  decode: (type: string, data: unknown) => ({ ...(data as object), type }) as TunnelEvent,
};

export class PgTunnelStreams extends TunnelStreams {
  readonly #pool: pg.Pool;
  readonly #changes: ControlChanges;

  constructor(pool: pg.Pool, changes: ControlChanges) {
    super();
    this.#pool = pool;
    this.#changes = changes;
  }

  override as(actorId: string): EventStore<TunnelEvent> {
    return new PgEventStore<TunnelEvent>(this.#pool, codec, async (client, tunnelId, events) => {
      for (const change of events.flatMap((event) => tunnelRowChanges(tunnelId, event))) await apply(client, change);
      const { rows } = await client.query<{ workspace_id: string }>(
        'select workspace_id from tunnel where tunnel_id = $1',
        [tunnelId],
      );
      const published = events.map((event) => tunnelPublication(tunnelId, rows[0]?.workspace_id ?? '', event));
      await this.#changes.record(client, actorId, published);
    });
  }

  override read(streamId: string): Promise<EventStream<TunnelEvent>> {
    return this.as('system').read(streamId);
  }

  override append(streamId: string, expectedVersion: number, events: readonly TunnelEvent[]): Promise<AppendOutcome> {
    return this.as('system').append(streamId, expectedVersion, events);
  }
}

async function apply(client: pg.PoolClient, change: RowChange): Promise<void> {
  if (change.kind === 'insert') {
    const names = Object.keys(change.row);
    const places = names.map((_name, index) => `$${index + 1}`);
    await client.query(
      `insert into ${change.table} (${names.join(', ')}) values (${places.join(', ')})`,
      Object.values(change.row),
    );
    return;
  }
  const sets = Object.keys(change.set).map((name, index) => `${name} = $${index + 1}`);
  const conditions = Object.keys(change.where).map((name, index) => `${name} = $${sets.length + index + 1}`);
  await client.query(`update ${change.table} set ${sets.join(', ')} where ${conditions.join(' and ')}`, [
    ...Object.values(change.set),
    ...Object.values(change.where),
  ]);
}
