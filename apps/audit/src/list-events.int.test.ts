import { status } from '@grpc/grpc-js';
import { leafHash, openCheckpoint, parseVkey, verifyInclusion } from '@sallyport/transparency-log';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { foreseenFailure } from './adapters/grpc/to-status.ts';
import { PgLedgerReader } from './adapters/pg/pg-ledger-reader.ts';
import { callRecord } from './call-record.ts';
import { control, records, toolcall, useLedger } from './ledger-under-test.ts';
import { EventTail } from './application/event-tail.ts';
import { FollowEvents } from './application/follow-events.ts';
import { ListEvents } from './application/list-events.ts';
import { ProveCall } from './application/prove-call.ts';
import { noFilter, SearchTooBroad } from './ports/ledger-reader.ts';

describe('reading', () => {
  const ledger = useLedger();
  const seqs = (events: string | undefined | readonly { envelope: string }[]) =>
    (typeof events === 'object' ? events : []).map(({ envelope }) =>
      Number((JSON.parse(envelope) as { sequence: string }).sequence),
    );

  beforeAll(async () => {
    const mine = (number: number) =>
      callRecord(number, {
        workspaceId: number % 3 === 0 ? 'wrkspc_2' : 'wrkspc_1',
        tool: number % 2 === 0 ? 'add' : 'echo',
      });
    const all = Array.from({ length: 300 }, (_, at) => mine(at + 1));
    // Two calls whose events stand apart; the control topic gets every fourth record, so that pages have to merge.
    await ledger().publish(
      toolcall,
      all.filter((_, at) => at % 4 !== 3),
    );
    await ledger().publish(
      control,
      all.filter((_, at) => at % 4 === 3),
    );
    await ledger().publish(toolcall, [
      callRecord(302, { callId: 'call_x', seq: 2, workspaceId: 'wrkspc_2' }),
      callRecord(301, { callId: 'call_x', seq: 1, workspaceId: 'wrkspc_2' }),
    ]);
    await ledger().ingest(toolcall);
    await ledger().ingest(control);
  });

  it.each([false, true])('pages through all logs once, newest first: %s', async (newestFirst) => {
    const list = new ListEvents(ledger().reader, [toolcall, control]);
    const found: number[] = [];
    let page = '';
    do {
      const next = await list.run({ filter: noFilter, limit: 37, page, newestFirst });
      if (!next.ok) throw new Error(next.reason);
      found.push(...seqs(next.value.events));
      page = next.value.nextPage;
      // What comes while somebody pages is not mixed into the pages that go back.
      if (newestFirst && found.length === 37) {
        await ledger().publish(control, [callRecord(999)]);
        await ledger().ingest(control);
      }
    } while (page !== '');
    const expected = [...Array.from({ length: 300 }, (_, at) => at + 1), 302, 301];
    expect(found.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
    expect(found.slice(0, 5)).toEqual(newestFirst ? [301, 302, 300, 299, 298] : [1, 2, 3, 4, 5]);
  });

  it('filters exactly, and keeps to the workspace', async () => {
    const list = new ListEvents(ledger().reader, [toolcall, control]);
    const found = async (filter: Partial<typeof noFilter>) => {
      const page = await list.run({ filter: { ...noFilter, ...filter }, limit: 1_000, page: '', newestFirst: false });
      return page.ok ? seqs(page.value.events) : [];
    };
    expect(await found({ workspace: 'wrkspc_2', tool: 'add' })).toEqual(
      Array.from({ length: 50 }, (_, at) => (at + 1) * 6),
    );
    expect(await found({ workspace: 'wrkspc_3' })).toEqual([]);
    expect(await found({ callId: 'call_7' })).toEqual([7]);
    expect(await found({ callId: 'call_7', workspace: 'wrkspc_2' })).toEqual([]);
    expect(await found({ callId: 'call_7', principal: 'apikey_9' })).toEqual([]);
    expect(await found({ fromTime: '2026-11-23T10:00:00.010Z', toTime: '2026-11-23T10:00:00.013Z' })).toEqual([
      10, 11, 12,
    ]);
    expect(await list.run({ filter: noFilter, limit: 1, page: 'nonsense', newestFirst: false })).toEqual({
      ok: false,
      reason: 'page',
    });
  });

  it('gives a call in its own order, and proves it once it is signed', async () => {
    const prove = new ProveCall(ledger().reader, ledger().store, ledger().signer, toolcall);
    expect(seqs(await ledger().reader.call(toolcall, 'wrkspc_2', 'call_x'))).toEqual([301, 302]);
    expect(await ledger().reader.call(toolcall, 'wrkspc_1', 'call_x')).toEqual([]);
    expect(await prove.run('wrkspc_1', 'call_x')).toEqual({ ok: false, reason: 'no-such-call' });
    expect(await prove.run('', 'call_x')).toEqual({ ok: false, reason: 'not-signed-yet' });
    await ledger().sign.run(toolcall);
    const proofs = await prove.run('', 'call_x');
    if (!proofs.ok) throw new Error(proofs.reason);
    expect(proofs.value).toHaveLength(2);
    for (const { event, checkpoint, path, vkey } of proofs.value) {
      const key = parseVkey(vkey);
      expect(openCheckpoint(checkpoint.note, key.ok ? [key.value] : []).ok).toBe(true);
      const claim = {
        leaf: leafHash(event.envelope),
        index: event.leafIndex,
        size: checkpoint.size,
        root: checkpoint.root,
        path,
      };
      expect(verifyInclusion(claim)).toBe(true);
    }
    await ledger().publish(toolcall, [callRecord(303, { callId: 'call_x', seq: 3, workspaceId: 'wrkspc_2' })]);
    await ledger().ingest();
    expect(await prove.run('', 'call_x')).toEqual({ ok: false, reason: 'not-signed-yet' });
  });

  it('follows the ledger from a backlog on, none twice and none left out', async () => {
    const tail = new EventTail({ eventsMax: 100, charactersMax: 1_000_000 });
    const leave = new AbortController();
    const follow = new FollowEvents(ledger().reader, tail, [toolcall]).run('wrkspc_1', 3, leave.signal);
    const backlog = await follow.next();
    expect(seqs(backlog.value)).toEqual([295, 298, 299]);
    await ledger().publish(toolcall, [callRecord(401), callRecord(402, { workspaceId: 'wrkspc_2' }), callRecord(403)]);
    tail.publish(await ledger().ingest());
    expect(seqs((await follow.next()).value)).toEqual([401, 403]);
    const ended = follow.next();
    leave.abort();
    expect(await ended).toEqual({ done: true, value: 'closed' });
  });
});

describe('a search that takes too long', () => {
  const ledger = useLedger();

  it('is refused with its reason, and not as a broken database', async () => {
    await ledger().publish(toolcall, records(3));
    await ledger().ingest(toolcall);
    const { generation } = (
      await ledger().pool.query<{ generation: number }>('select generation from log where topic = $1', [toolcall])
    ).rows[0] ?? { generation: 0 };
    const searchPool = new pg.Pool({ ...ledger().pool.options, statement_timeout: 100 });
    const blocker = await ledger().pool.connect();
    try {
      await blocker.query('begin');
      await blocker.query(`lock table leaf_${generation} in access exclusive mode`);
      const list = new ListEvents(new PgLedgerReader({ pool: ledger().pool, searchPool }), [toolcall]);
      const filter = { ...noFilter, tool: 'x' };
      const failure = await list
        .run({ filter, limit: 1, page: '', newestFirst: true })
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(SearchTooBroad);
      expect(foreseenFailure(failure)).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
      expect(foreseenFailure(new Error('a defect'))).toBeUndefined();
    } finally {
      await blocker.query('rollback');
      blocker.release();
      await searchPool.end();
    }
  });
});

describe('searching by time', () => {
  const ledger = useLedger();
  const startMs = Date.parse('2026-11-23T10:00:00Z');
  const at = (ms: number) => new Date(startMs + ms).toISOString();
  const indices = async (fromMs: number, toMs: number, newestFirst = false) => {
    const filter = { ...noFilter, fromTime: at(fromMs), toTime: at(toMs) };
    const found = await ledger().reader.range(filter, { topic: toolcall, from: undefined, newestFirst, limit: 100 });
    return found.map(({ leafIndex }) => leafIndex);
  };

  beforeAll(async () => {
    // One leaf a millisecond, several blocks of them; one event comes long after its time, from a source that could not write.
    const late = callRecord(100, { id: 900_000, source: 'router/late' });
    await ledger().publish(toolcall, [...records(2_500), late, ...records(1_500, 2_501)]);
    await ledger().ingest(toolcall, 700);
  });

  it('finds all events of a time, those that came late too, in the order of the log', async () => {
    expect(await indices(99, 102)).toEqual([98, 99, 100, 2_500]);
    expect(await indices(99, 102, true)).toEqual([2_500, 100, 99, 98]);
    expect(await indices(3_990, 3_992)).toEqual([3_990, 3_991]);
    expect(await indices(1, 2)).toEqual([0]);
  });

  it('finds nothing where nothing is', async () => {
    expect(await indices(-100, 1)).toEqual([]);
    expect(await indices(4_001, 9_000)).toEqual([]);
    expect(await indices(200, 200)).toEqual([]);
  });
});
