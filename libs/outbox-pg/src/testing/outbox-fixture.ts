import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase } from '@sallyport/pg-embedded/testing';
import type pg from 'pg';
import {
  type EventDraft,
  type EventWrite,
  OpenCallLeases,
  OutboxWriter,
  type OutboxWriterOptions,
  outboxMigrations,
} from '../index.ts';

export interface OutboxFixture {
  readonly url: string;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

export function openOutboxPool(url: string, connectionsMax = 20): pg.Pool {
  return openPool({ url, schema: 'svc', applicationName: 'outbox-test', connectionsMax, statementMsMax: 5_000 });
}

export async function openOutboxFixture(): Promise<OutboxFixture> {
  const database = await createTestDatabase();
  const pool = openOutboxPool(database.url);
  await migrate(pool, 'svc', outboxMigrations);
  return {
    url: database.url,
    pool,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

export interface PublishedEvent {
  readonly id: string;
  readonly source: string;
  readonly sequence: number;
}

export function draft(id: string, topic = 'toolcall', key = 'k'): EventDraft {
  return {
    topic,
    key,
    eventId: id,
    build: ({ source, sequence }) => JSON.stringify({ id, source, sequence: Number(sequence) }),
  };
}

export function opening(callId: string): EventWrite {
  return {
    events: [draft(`${callId}.requested`), draft(`${callId}.authorized`), draft(`${callId}.dispatched`)],
    open: { callId, nextSeq: 4, context: `{"call":"${callId}"}` },
  };
}

export function closing(callId: string): EventWrite {
  return { events: [draft(`${callId}.completed`)], close: callId };
}

export function openWriter(
  pool: pg.Pool,
  source: string,
  options: Partial<OutboxWriterOptions> & { leaseMs?: number } = {},
): OutboxWriter {
  const leases = new OpenCallLeases({ pool, owner: source, leaseMs: options.leaseMs ?? 60_000 });
  return new OutboxWriter({ pool, source, leases, limits: { rowsMax: 1_000_000, ageMsMax: 3_600_000 }, ...options });
}

export async function outboxEvents(pool: pg.Pool): Promise<PublishedEvent[]> {
  const { rows } = await pool.query<{ value: string }>('select value from outbox order by xid, id');
  return rows.map((row) => JSON.parse(row.value) as PublishedEvent);
}

/** The sources whose sequences are not 1, 2, 3 … in the order of the events. */
export function brokenSources(events: readonly PublishedEvent[]): string[] {
  const last = new Map<string, number>();
  const broken = new Set<string>();
  for (const { source, sequence } of events) {
    if (sequence !== (last.get(source) ?? 0) + 1) broken.add(source);
    last.set(source, sequence);
  }
  return [...broken];
}

/** Keeps the first occurrence of every event id. */
export function withoutDuplicates(events: readonly PublishedEvent[]): PublishedEvent[] {
  const seen = new Set<string>();
  return events.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/** The answers that the outbox belies: an `ok` that is not in it, or a refusal that is. */
export function falseAnswers(answers: ReadonlyMap<string, string>, events: readonly PublishedEvent[]): string[] {
  const ids = new Set(events.map((event) => event.id));
  return [...answers].flatMap(([id, answer]) =>
    answer === 'outcome_unknown' || (answer === 'ok') === ids.has(id) ? [] : [`${id}: ${answer}`],
  );
}
