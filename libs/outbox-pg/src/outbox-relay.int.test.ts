import { EventLogPublisher, type EventRecord } from '@sallyport/event-log';
import { openPool } from '@sallyport/pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OutboxRelay, type OutboxRelayOptions } from './index.ts';
import { startBackendKiller } from './testing/backend-killer.ts';
import {
  brokenSources,
  draft,
  openOutboxFixture,
  opening,
  openWriter,
  type OutboxFixture,
  type PublishedEvent,
  withoutDuplicates,
} from './testing/outbox-fixture.ts';

/** An event log in memory whose acknowledgements can be spoilt. */
class MemoryLog {
  readonly topics = new Map<string, EventRecord[]>();
  fault: (topic: string) => 'fail-before' | 'fail-after' | 'repeat-offset' | 'hang' | undefined = () => undefined;
  /** An append waits for it. */
  beforeAppend: () => Promise<void> = async () => undefined;
  publishers = 0;
  concurrent = 0;
  concurrentMost = 0;
  largestBatch = { records: 0, bytes: 0 };

  publisher(): EventLogPublisher {
    return new MemoryPublisher(this);
  }

  events(topic: string): PublishedEvent[] {
    return (this.topics.get(topic) ?? []).map((record) => JSON.parse(record.value) as PublishedEvent);
  }
}

class MemoryPublisher extends EventLogPublisher {
  readonly #log: MemoryLog;
  #closed = false;

  constructor(log: MemoryLog) {
    super();
    this.#log = log;
    log.publishers += 1;
  }

  async publishBatch(topic: string, records: readonly EventRecord[]): Promise<{ readonly baseOffset: bigint }> {
    if (this.#closed) throw new Error('closed');
    const log = this.#log;
    log.concurrent += 1;
    log.concurrentMost = Math.max(log.concurrentMost, log.concurrent);
    try {
      const fault = log.fault(topic);
      await new Promise((resolve) => setTimeout(resolve, 1));
      await log.beforeAppend();
      if (fault === 'fail-before') throw new Error('lost on the way');
      const stored = log.topics.get(topic) ?? [];
      log.topics.set(topic, stored);
      if (fault === 'repeat-offset') return { baseOffset: 0n };
      const baseOffset = BigInt(stored.length);
      stored.push(...records);
      log.largestBatch = {
        records: Math.max(log.largestBatch.records, records.length),
        bytes: Math.max(
          log.largestBatch.bytes,
          records.reduce((sum, record) => sum + record.value.length, 0),
        ),
      };
      if (fault === 'fail-after') throw new Error('lost on the way back');
      if (fault === 'hang') await new Promise((resolve) => setTimeout(resolve, 3_000));
      return { baseOffset };
    } finally {
      log.concurrent -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}

let fixture: OutboxFixture;
let log: MemoryLog;
let sources = 0;
const freshSource = () => `s-${(sources += 1)}`;
const openRelay = (options: Partial<OutboxRelayOptions> = {}) =>
  new OutboxRelay({ pool: fixture.pool, openPublisher: async () => log.publisher(), ...options });
const rowsLeft = async () =>
  Number((await fixture.pool.query<{ count: string }>('select count(*) from outbox')).rows[0]?.count);
const drained = async () => {
  await expect.poll(rowsLeft, { timeout: 20_000 }).toBe(0);
};

beforeAll(async () => {
  fixture = await openOutboxFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  await fixture.pool.query('truncate outbox, open_calls');
  log = new MemoryLog();
});

describe('OutboxRelay', () => {
  it('publishes in order, per topic, and empties the outbox', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    const relay = openRelay();
    relay.start();
    const ids = Array.from({ length: 1_300 }, (_, index) => `e${index}`);
    await Promise.all(
      ids.map((id, index) => writer.commit({ events: [draft(id, index % 3 === 0 ? 'control' : 'toolcall')] })),
    );
    relay.hint();
    await drained();
    await relay.stop();
    await writer.close();
    expect(log.events('control').map((event) => event.id)).toEqual(ids.filter((_, index) => index % 3 === 0));
    expect(log.events('toolcall').map((event) => event.id)).toEqual(ids.filter((_, index) => index % 3 !== 0));
    expect(log.concurrentMost).toBe(1);
    expect(log.largestBatch.records).toBeLessThanOrEqual(500);
  });

  it('orders transactions by number, not by text', async () => {
    for (const [xid, id] of [
      ['10', 'second'],
      ['9', 'first'],
      ['100', 'third'],
    ]) {
      await fixture.pool.query(
        "insert into outbox (xid, topic, key, event_id, value) values ($1::text::xid8, 'toolcall', 'k', $2, $3)",
        [xid, id, JSON.stringify({ id, source: 's', sequence: 1 })],
      );
    }
    const relay = openRelay();
    relay.start();
    await drained();
    await relay.stop();
    expect(log.events('toolcall').map((event) => event.id)).toEqual(['first', 'second', 'third']);
  });

  it('keeps a batch below 512 KB', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    const large = (id: string) => ({
      ...draft(id),
      build: ({ source, sequence }: { source: string; sequence: bigint }) =>
        JSON.stringify({ id, source, sequence: Number(sequence), filler: 'x'.repeat(60_000) }),
    });
    for (let index = 0; index < 30; index += 1) await writer.commit({ events: [large(`l${index}`)] });
    await writer.close();
    const relay = openRelay();
    relay.start();
    await drained();
    await relay.stop();
    expect(log.events('toolcall')).toHaveLength(30);
    expect(log.largestBatch.bytes).toBeLessThanOrEqual(512 * 1024);
    expect(log.largestBatch.records).toBeGreaterThan(4);
  });

  it('waits for a transaction that is older than a committed row', async () => {
    const client = await fixture.pool.connect();
    await client.query('begin');
    await client.query("insert into outbox (topic, key, event_id, value) values ('toolcall', 'k', 'early', $1)", [
      JSON.stringify({ id: 'early', source: 'other', sequence: 1 }),
    ]);
    const writer = openWriter(fixture.pool, freshSource());
    await writer.commit({ events: [draft('late')] });
    const relay = openRelay({ pollMs: 20 });
    relay.start();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(log.events('toolcall')).toEqual([]);
    await client.query('commit');
    client.release();
    await drained();
    expect(log.events('toolcall').map((event) => event.id)).toEqual(['early', 'late']);
    await relay.stop();
    await writer.close();
  });

  it('hears of what another process has written, long before the next poll', async () => {
    const relay = openRelay({ pollMs: 30_000 });
    relay.start();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const writer = openWriter(fixture.pool, freshSource());
    const startedMs = performance.now();
    await writer.commit({ events: [draft('notified')] });
    await expect.poll(() => log.events('toolcall').length, { interval: 5, timeout: 5_000 }).toBe(1);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await relay.stop();
    await writer.close();
  });

  it('sends again after lost acknowledgements, hung ones and mistaken offsets, through a new publisher', async () => {
    const faults = [undefined, undefined, 'fail-after', 'fail-before', 'repeat-offset', 'hang'] as const;
    let publishes = 0;
    log.fault = () => faults[(publishes += 1) % 12];
    const failures: unknown[] = [];
    const alarms: string[] = [];
    const relay = openRelay({
      publishMsMax: 100,
      signals: { publishFailed: (error) => failures.push(error), offsetNotRising: (topic) => alarms.push(topic) },
    });
    const writer = openWriter(fixture.pool, freshSource());
    relay.start();
    const ids = Array.from({ length: 300 }, (_, index) => `f${index}`);
    for (const id of ids) {
      await writer.commit({ events: [draft(id)] });
      relay.hint();
      if (publishes < 40) await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await drained();
    await relay.stop();
    await writer.close();
    const events = log.events('toolcall');
    expect(withoutDuplicates(events).map((event) => event.id)).toEqual(ids);
    expect(brokenSources(withoutDuplicates(events))).toEqual([]);
    expect(failures.length).toBeGreaterThan(2);
    expect(alarms.length).toBeGreaterThan(0);
    expect(log.publishers).toBe(failures.length + 1);
  });

  it('lets one of several relays work, and the next take over when its session is lost', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    const working: number[] = [];
    const relays = [0, 1, 2].map((at) =>
      openRelay({
        signals: {
          relaying: (isRelaying) =>
            isRelaying
              ? working.push(at)
              : working.splice(0, working.length, ...working.filter((other) => other !== at)),
        },
      }),
    );
    for (const relay of relays) relay.start();
    await expect.poll(() => working.length).toBe(1);
    const ids: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let index = 0; index < 40; index += 1) {
        const id = `t${round}/${index}`;
        ids.push(id);
        expect(await writer.commit({ events: [draft(id)] })).toMatchObject({ ok: true });
      }
      await fixture.pool.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
      );
    }
    await drained();
    expect(working).toHaveLength(1);
    for (const relay of relays) await relay.stop();
    expect(working).toEqual([]);
    await writer.close();
    expect(withoutDuplicates(log.events('toolcall')).map((event) => event.id)).toEqual(ids);
  });

  it('keeps the order of first occurrences even if two relays work at once', async () => {
    // The lock is per schema name; a second name for the same tables stands for a relay that has not noticed the loss of its lock.
    await fixture.pool.query(`
      create schema other; create view other.outbox as select * from svc.outbox;
      create view other.outbox_source as select * from svc.outbox_source;
      create function other.outbox_depth(out depth_rows bigint, out oldest_age_ms bigint) language sql as 'select 0::bigint, 0::bigint'`);
    const otherPool = openPool({
      url: fixture.url,
      schema: 'other',
      applicationName: 't',
      connectionsMax: 2,
      statementMsMax: 5_000,
    });
    // Each relay's first batch waits for the other's, so both have read the same head.
    const met = Promise.withResolvers<void>();
    let appends = 0;
    log.beforeAppend = () => {
      if ((appends += 1) === 2) met.resolve();
      return met.promise;
    };
    const relays = [openRelay({ pollMs: 5 }), openRelay({ pool: otherPool, pollMs: 7 })];
    for (const relay of relays) relay.start();
    const writers = [openWriter(fixture.pool, freshSource()), openWriter(fixture.pool, freshSource())];
    await Promise.all(
      writers.map(async (writer, at) => {
        for (let index = 0; index < 200; index += 1) await writer.commit({ events: [draft(`d${at}/${index}`)] });
      }),
    );
    await drained();
    for (const relay of relays) await relay.stop();
    for (const writer of writers) await writer.close();
    await otherPool.end();
    const events = withoutDuplicates(log.events('toolcall'));
    expect(events).toHaveLength(400);
    expect(log.events('toolcall').length).toBeGreaterThan(400);
    expect(brokenSources(events)).toEqual([]);
  });

  it('loses nothing of 12 concurrent writers while relays, writers and acknowledgements fail', async () => {
    let publishes = 0;
    log.fault = () => ([undefined, 'fail-after', undefined, 'fail-before', undefined] as const)[(publishes += 1) % 5];
    const relays = [openRelay({ pollMs: 20 }), openRelay({ pollMs: 20 })];
    for (const relay of relays) relay.start();
    const writers = Array.from({ length: 12 }, () =>
      openWriter(fixture.pool, freshSource(), { commitMsMax: 10_000, onCommitted: () => relays[0]?.hint() }),
    );
    const killer = startBackendKiller(fixture.pool, { matching: 'outbox', most: 2, everyMs: 40 });
    const committed: string[] = [];
    await Promise.all(
      writers.map(async (writer, at) => {
        for (let index = 0; index < 60; index += 1) {
          const write = opening(`w${at}-${index}`);
          const result = await writer.commit(write);
          if (result.ok) committed.push(...write.events.map((event) => event.eventId));
        }
      }),
    );
    await killer.stop();
    await drained();
    for (const relay of relays) await relay.stop();
    for (const writer of writers) await writer.close();
    const events = withoutDuplicates(log.events('toolcall'));
    expect(committed).toHaveLength(12 * 60 * 3);
    expect(new Set(events.map((event) => event.id))).toEqual(new Set(committed));
    expect(brokenSources(events)).toEqual([]);
    expect(log.events('toolcall').length).toBeGreaterThan(events.length);
  });
});
