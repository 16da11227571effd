import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EventWrite, OutboxWriter } from './index.ts';
import { startBackendKiller } from './testing/backend-killer.ts';
import {
  brokenSources,
  closing,
  draft,
  falseAnswers,
  openOutboxFixture,
  openOutboxPool,
  opening,
  openWriter,
  outboxEvents,
  type OutboxFixture,
} from './testing/outbox-fixture.ts';
import { type CommitFault, PgFaultProxy } from './testing/pg-fault-proxy.ts';

let fixture: OutboxFixture;
let writer: OutboxWriter;
let sources = 0;
const freshSource = () => `router-${(sources += 1)}`;

beforeAll(async () => {
  fixture = await openOutboxFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  await fixture.pool.query('truncate outbox, open_calls');
  writer = openWriter(fixture.pool, freshSource());
});
afterEach(() => writer.close());

const openCallIds = async () =>
  (await fixture.pool.query<{ call_id: string }>('select call_id from open_calls order by 1')).rows.map(
    (row) => row.call_id,
  );

describe('OutboxWriter', () => {
  it('writes the events of a call, its open row and its end', async () => {
    expect(await writer.commit(opening('c1'))).toEqual({ ok: true, value: undefined });
    expect(await openCallIds()).toEqual(['c1']);
    const { rows } = await fixture.pool.query(
      'select owner, next_seq, context, lease_until > now() + interval $$50 s$$ as leased from open_calls',
    );
    expect(rows).toEqual([{ owner: `router-${sources}`, next_seq: 4, context: '{"call":"c1"}', leased: true }]);
    expect(await writer.commit(closing('c1'))).toEqual({ ok: true, value: undefined });
    expect(await openCallIds()).toEqual([]);
    expect((await outboxEvents(fixture.pool)).map(({ id, sequence }) => [id, sequence])).toEqual([
      ['c1.requested', 1],
      ['c1.authorized', 2],
      ['c1.dispatched', 3],
      ['c1.completed', 4],
    ]);
  });

  it('commits many writes at once in few transactions, every source contiguous', async () => {
    const calls = Array.from({ length: 400 }, (_, index) => `m${index}`);
    const results = await Promise.all(calls.map((call) => writer.commit(opening(call))));
    expect(results.every((result) => result.ok)).toBe(true);
    const events = await outboxEvents(fixture.pool);
    expect(events).toHaveLength(1_200);
    expect(brokenSources(events)).toEqual([]);
    const { rows } = await fixture.pool.query<{ count: string }>('select count(distinct xid) from outbox');
    expect(Number(rows[0]?.count)).toBeLessThan(20);
  });

  it('answers already_closed where the sweeper was faster, and harms no other write of the group', async () => {
    await Promise.all(['a', 'b', 'c'].map((call) => writer.commit(opening(call))));
    await fixture.pool.query("delete from open_calls where call_id = 'b'");
    const results = await Promise.all(['a', 'b', 'c'].map((call) => writer.commit(closing(call))));
    expect(results.map((result) => (result.ok ? 'ok' : result.reason))).toEqual(['ok', 'already_closed', 'ok']);
    const events = await outboxEvents(fixture.pool);
    expect(events.map((event) => event.id).filter((id) => id.endsWith('completed'))).toEqual([
      'a.completed',
      'c.completed',
    ]);
    expect(brokenSources(events)).toEqual([]);
    expect(await writer.commit({ events: [draft('b.late_result')], whenFull: 'accept' })).toMatchObject({ ok: true });
  });

  it('lets one of two concurrent closes of a call win', async () => {
    await writer.commit(opening('twice'));
    const results = await Promise.all([writer.commit(closing('twice')), writer.commit(closing('twice'))]);
    expect(results.map((result) => (result.ok ? 'ok' : result.reason))).toEqual(['ok', 'already_closed']);
  });

  it('rejects a wrong write alone, without its text in the error, and takes no sequence for it', async () => {
    await writer.commit(opening('here'));
    const broken: EventWrite = {
      events: [
        draft('fine'),
        {
          ...draft('broken'),
          build: () => {
            throw new Error('cannot build');
          },
        },
      ],
    };
    const unstorable: EventWrite = { events: [{ ...draft('nul'), build: () => 'secret\u0000' }] };
    const results = await Promise.allSettled(
      [opening('before'), broken, unstorable, opening('here'), opening('after')].map((write) => writer.commit(write)),
    );
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    expect(String((results[2] as PromiseRejectedResult).reason)).toBe(
      'Error: the outbox cannot take this write: SQLSTATE 22021',
    );
    const events = await outboxEvents(fixture.pool);
    expect(events).toHaveLength(9);
    expect(brokenSources(events)).toEqual([]);
  });

  it('refuses new calls when the outbox is full, and still takes the ends of old ones', async () => {
    let refused = 0;
    const small = openWriter(fixture.pool, freshSource(), {
      limits: { rowsMax: 6, ageMsMax: 3_600_000 },
      signals: { refusedFull: (writes) => void (refused += writes) },
    });
    const settle = () => new Promise((resolve) => setTimeout(resolve, 300));
    for (const call of ['x', 'y']) {
      expect(await small.commit(opening(call))).toMatchObject({ ok: true });
      await settle();
    }
    expect(await small.commit(opening('z'))).toEqual({ ok: false, reason: 'outbox_full' });
    expect(await small.commit({ events: [draft('denied')] })).toEqual({ ok: false, reason: 'outbox_full' });
    expect(await small.commit(closing('x'))).toMatchObject({ ok: true });
    await fixture.pool.query('delete from outbox');
    await settle();
    expect(await small.commit(opening('z'))).toMatchObject({ ok: true });
    expect(refused).toBe(2);
    await small.close();

    const young = openWriter(fixture.pool, freshSource(), { limits: { rowsMax: 1_000, ageMsMax: 200 } });
    await settle();
    expect(await young.commit(opening('w'))).toEqual({ ok: false, reason: 'outbox_full' });
    await young.close();
  });

  it('bounds the writes that wait', async () => {
    const small = openWriter(fixture.pool, freshSource(), { writesWaitingMax: 3 });
    const results = await Promise.all(['1', '2', '3', '4'].map((call) => small.commit(opening(`q${call}`))));
    expect(results.map((result) => (result.ok ? 'ok' : result.reason))).toEqual([
      'ok',
      'ok',
      'ok',
      'writes_waiting_full',
    ]);
    await small.close();
    expect(await small.commit(opening('late'))).toEqual({ ok: false, reason: 'unavailable' });
  });

  it('stops for good when another process claims its source', async () => {
    const source = `router-${sources}`;
    await writer.commit(opening('mine'));
    const thief = openWriter(fixture.pool, source);
    expect(await thief.commit(opening('theirs'))).toMatchObject({ ok: true });
    expect(await writer.commit(opening('mine2'))).toMatchObject({ ok: false });
    expect(await writer.commit(opening('mine3'))).toEqual({ ok: false, reason: 'unavailable' });
    expect(brokenSources(await outboxEvents(fixture.pool))).toEqual([]);
    await thief.close();
  });
});

describe('OutboxWriter under faults', () => {
  const untilIds = async (count: number) => {
    for (let tries = 0; tries < 100; tries += 1) {
      const events = await outboxEvents(fixture.pool);
      if (events.length >= count) return events;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return outboxEvents(fixture.pool);
  };

  it.each<[CommitFault, string]>([
    [{ kind: 'lose-answer' }, 'ok'],
    [{ kind: 'lose-statement' }, 'ok'],
    [{ kind: 'late-statement', delayMs: 200 }, 'ok'],
    [{ kind: 'late-statement', delayMs: 1 }, 'ok'],
    [{ kind: 'freeze' }, 'outcome_unknown'],
  ])('finds out what became of a commit: %o', async (fault, outcome) => {
    const proxy = await PgFaultProxy.open(fixture.url);
    const pool = openOutboxPool(proxy.url, 3);
    const source = freshSource();
    const faulty = openWriter(pool, source, { commitMsMax: 800 });
    try {
      expect(await faulty.commit(opening('first'))).toMatchObject({ ok: true });
      let faults = 1;
      proxy.faultOf = () => ((faults -= 1) >= 0 ? fault : undefined);
      const result = await faulty.commit(opening('second'));
      expect(result.ok ? 'ok' : result.reason).toBe(outcome);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await faulty.commit(opening('third'))).toMatchObject({ ok: true });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const events = await untilIds(9);
      expect(events.map((event) => event.id)).toEqual(
        ['first', 'second', 'third'].flatMap((call) => opening(call).events.map((event) => event.eventId)),
      );
      expect(brokenSources(events)).toEqual([]);
    } finally {
      await faulty.close();
      await pool.end();
      await proxy.close();
    }
  });

  it('keeps every source contiguous and every answer true while answers get lost at random', async () => {
    const proxy = await PgFaultProxy.open(fixture.url);
    const pool = openOutboxPool(proxy.url, 16);
    const kinds: CommitFault[] = [
      { kind: 'lose-answer' },
      { kind: 'lose-statement' },
      { kind: 'late-statement', delayMs: 30 },
    ];
    let commits = 0;
    proxy.faultOf = () => ((commits += 1) % 5 === 0 ? kinds[(commits / 5) % 3] : undefined);
    const writers = Array.from({ length: 4 }, () => openWriter(pool, freshSource(), { commitMsMax: 5_000 }));
    const answers = new Map<string, string>();
    await Promise.all(
      writers.flatMap((faulty, at) =>
        Array.from({ length: 8 }, async (_, lane) => {
          for (let index = 0; index < 12; index += 1) {
            const result = await faulty.commit({ events: [draft(`${at}/${lane}/${index}`)] });
            answers.set(`${at}/${lane}/${index}`, result.ok ? 'ok' : result.reason);
          }
        }),
      ),
    );
    await Promise.all(writers.map((faulty) => faulty.close()));
    await pool.end();
    await proxy.close();
    const events = await outboxEvents(fixture.pool);
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    expect(brokenSources(events)).toEqual([]);
    expect(falseAnswers(answers, events)).toEqual([]);
    expect([...answers.values()].filter((answer) => answer === 'ok').length).toBeGreaterThan(350);
    expect(commits).toBeGreaterThan(20);
  });

  it('keeps every source contiguous while its backend is terminated again and again', async () => {
    let lost = 0;
    const signals = { connectionLost: () => void (lost += 1) };
    const writers = Array.from({ length: 12 }, () =>
      openWriter(fixture.pool, freshSource(), { commitMsMax: 5_000, signals }),
    );
    const answers = new Map<string, string>();
    const killer = startBackendKiller(fixture.pool, { matching: '^select outbox_commit', most: 3, everyMs: 15 });
    await Promise.all(
      writers.map(async (killed, at) => {
        for (let index = 0; index < 40; index += 1) {
          const ids = [`${at}/${index}/a`, `${at}/${index}/b`];
          const results = await Promise.all(ids.map((id) => killed.commit({ events: [draft(id)] })));
          for (const [which, result] of results.entries()) answers.set(ids[which]!, result.ok ? 'ok' : result.reason);
        }
      }),
    );
    await killer.stop();
    await Promise.all(writers.map((killed) => killed.close()));
    const events = await outboxEvents(fixture.pool);
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    expect(brokenSources(events)).toEqual([]);
    expect(falseAnswers(answers, events)).toEqual([]);
    expect([...answers.values()].filter((answer) => answer === 'ok').length).toBeGreaterThan(900);
    expect(lost).toBeGreaterThan(10);
  });
});
