import { type AppendOutcome, EventStore, type EventStream } from '@sallyport/event-sourcing';
import type pg from 'pg';

/** Between a domain event and its stored JSON; the only place where an old shape is lifted to the present one. */
export interface EventCodec<Event> {
  encode(event: Event): { readonly type: string; readonly data: unknown };
  decode(type: string, data: unknown): Event;
}

/** What happens in the same transaction as an append: projections, the outbox. A rejection rolls everything back. */
export type WithinAppend<Event> = (
  client: pg.PoolClient,
  streamId: string,
  events: readonly Event[],
  version: number,
) => Promise<void>;

/** Appends within a transaction of the caller's. Throws a unique violation of `stream_event_pkey` where the stream has moved on: see `isVersionConflict`. */
export async function appendEvents(
  client: pg.ClientBase,
  streamId: string,
  expectedVersion: number,
  encoded: readonly { readonly type: string; readonly data: unknown }[],
): Promise<void> {
  await client.query(
    `insert into stream_event (stream_id, version, type, data)
     select $1, $2 + position, type, data from rows from (unnest($3::text[]), unnest($4::jsonb[])) with ordinality as t(type, data, position)`,
    [streamId, expectedVersion, encoded.map((event) => event.type), encoded.map((event) => JSON.stringify(event.data))],
  );
}

const uniqueViolation = '23505';

export class PgEventStore<Event> extends EventStore<Event> {
  readonly #pool: pg.Pool;
  readonly #codec: EventCodec<Event>;
  readonly #within: WithinAppend<Event>;

  constructor(pool: pg.Pool, codec: EventCodec<Event>, within: WithinAppend<Event>) {
    super();
    this.#pool = pool;
    this.#codec = codec;
    this.#within = within;
  }

  override async read(streamId: string): Promise<EventStream<Event>> {
    const { rows } = await this.#pool.query<{ type: string; data: unknown }>(
      'select type, data from stream_event where stream_id = $1 order by version',
      [streamId],
    );
    return { version: rows.length, events: rows.map((row) => this.#codec.decode(row.type, row.data)) };
  }

  override async append(streamId: string, expectedVersion: number, events: readonly Event[]): Promise<AppendOutcome> {
    const encoded = events.map((event) => this.#codec.encode(event));
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin');
      await appendEvents(client, streamId, expectedVersion, encoded);
      await this.#within(client, streamId, events, expectedVersion + events.length);
      await client.query('commit');
      return 'appended';
    } catch (error) {
      await client.query('rollback').catch((failure: unknown) => {
        broken = failure instanceof Error ? failure : new Error('rollback failed');
      });
      if (isVersionConflict(error)) return 'conflict';
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

export function isVersionConflict(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === uniqueViolation &&
    'constraint' in error &&
    error.constraint === 'stream_event_pkey'
  );
}
