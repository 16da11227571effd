import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OpenCallLeases, OrphanSweeper, type OrphanSweeperOptions, OutboxWriter } from './index.ts';
import {
  brokenSources,
  closing,
  draft,
  openOutboxFixture,
  opening,
  openWriter,
  outboxEvents,
  type OutboxFixture,
} from './testing/outbox-fixture.ts';

let fixture: OutboxFixture;
let sources = 0;
const freshSource = () => `s-${(sources += 1)}`;
const openSweeper = (options: Partial<OrphanSweeperOptions> = {}) =>
  new OrphanSweeper({
    pool: fixture.pool,
    source: freshSource(),
    draft: (call) => draft(`${call.callId}.orphaned`),
    graceMs: 0,
    ...options,
  });
const expire = (pattern = '') =>
  fixture.pool.query("update open_calls set lease_until = now() - interval '1 s' where call_id ~ $1", [pattern]);
const idsEndingWith = async (suffix: string) =>
  (await outboxEvents(fixture.pool)).map((event) => event.id).filter((id) => id.endsWith(suffix));

beforeAll(async () => {
  fixture = await openOutboxFixture();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.pool.query('truncate outbox, open_calls'));

describe('OrphanSweeper', () => {
  it('ends the calls whose lease has run out, with what their row knows, and no others', async () => {
    const writer = openWriter(fixture.pool, 'owner-1');
    for (const call of ['alive', 'gone-1', 'gone-2']) await writer.commit(opening(call));
    await expire('^gone');
    const seen: unknown[] = [];
    const sweeper = openSweeper({
      draft: (call) => {
        seen.push(call);
        return draft(`${call.callId}.orphaned`);
      },
    });
    expect(await sweeper.sweep()).toBe(2);
    expect(await sweeper.sweep()).toBe(0);
    expect(seen).toContainEqual({ callId: 'gone-1', owner: 'owner-1', nextSeq: 4, context: '{"call":"gone-1"}' });
    expect((await idsEndingWith('.orphaned')).sort()).toEqual(['gone-1.orphaned', 'gone-2.orphaned']);
    expect(await writer.commit(closing('gone-1'))).toEqual({ ok: false, reason: 'already_closed' });
    expect(await writer.commit(closing('alive'))).toMatchObject({ ok: true });
    expect(brokenSources(await outboxEvents(fixture.pool))).toEqual([]);
    await writer.close();
  });

  it('lets exactly one of owner and sweepers end each of 400 calls', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    const calls = Array.from({ length: 400 }, (_, index) => `race-${index}`);
    await Promise.all(calls.map((call) => writer.commit(opening(call))));
    await expire('5$');
    let swept = await openSweeper().sweep();
    await expire('[02468]$');
    const sweepers = [openSweeper(), openSweeper()];
    const [results] = await Promise.all([
      Promise.all(
        calls.map(async (call, index) => {
          await new Promise((resolve) => setTimeout(resolve, index % 40));
          return writer.commit(closing(call));
        }),
      ),
      ...sweepers.map(async (sweeper) => {
        for (let round = 0; round < 10; round += 1) {
          const ended = await sweeper.sweep();
          swept += ended;
          await new Promise((resolve) => setTimeout(resolve, 3));
        }
      }),
    ]);
    await writer.close();
    const reasons = results.map((result) => (result.ok ? 'ok' : result.reason));
    expect(new Set(reasons)).toEqual(new Set(['ok', 'already_closed']));
    expect(reasons.filter((reason) => reason === 'already_closed')).toHaveLength(swept);
    const ended = [...(await idsEndingWith('.orphaned')), ...(await idsEndingWith('.completed'))];
    expect(ended).toHaveLength(400);
    expect(new Set(ended.map((id) => id.split('.')[0]))).toEqual(new Set(calls));
    expect(brokenSources(await outboxEvents(fixture.pool))).toEqual([]);
  });

  it('puts a call off whose event cannot be built, and ends the others', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    for (const call of ['poison', 'good']) await writer.commit(opening(call));
    await writer.close();
    await expire();
    const unbuildable: string[] = [];
    const sweeper = openSweeper({
      draft: (call) => {
        if (call.callId === 'poison') throw new Error('unreadable context');
        return draft(`${call.callId}.orphaned`);
      },
      onUnbuildable: (callId) => unbuildable.push(callId),
    });
    expect(await sweeper.sweep()).toBe(1);
    expect(await sweeper.sweep()).toBe(0);
    expect(unbuildable).toEqual(['poison']);
    expect((await fixture.pool.query('select call_id from open_calls')).rows).toEqual([{ call_id: 'poison' }]);
  });

  it('sweeps by itself, more than one batch, after its grace and not before', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    await Promise.all(Array.from({ length: 250 }, (_, index) => writer.commit(opening(`many-${index}`))));
    await writer.close();
    await expire();
    const sweeper = openSweeper({ everyMs: 20, graceMs: 400 });
    sweeper.start();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await idsEndingWith('.orphaned')).toHaveLength(0);
    await expect.poll(() => idsEndingWith('.orphaned'), { timeout: 5_000 }).toHaveLength(250);
    await sweeper.stop();
  });

  it('loses nothing and ends nothing twice while its backend is terminated', async () => {
    const writer = openWriter(fixture.pool, freshSource());
    await Promise.all(Array.from({ length: 300 }, (_, index) => writer.commit(opening(`cut-${index}`))));
    await writer.close();
    await expire();
    const failures: unknown[] = [];
    const sweepers = [0, 1].map(() =>
      openSweeper({ everyMs: 5, graceMs: 20, onFailed: (error) => failures.push(error) }),
    );
    for (const sweeper of sweepers) sweeper.start();
    for (let round = 0; round < 40; round += 1) {
      await fixture.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and query ~ 'open_calls|outbox_commit|outbox_source'`,
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await expect.poll(() => idsEndingWith('.orphaned'), { timeout: 10_000 }).toHaveLength(300);
    for (const sweeper of sweepers) await sweeper.stop();
    expect(new Set(await idsEndingWith('.orphaned')).size).toBe(300);
    expect(brokenSources(await outboxEvents(fixture.pool))).toEqual([]);
  });
});

describe('OpenCallLeases', () => {
  it('renews what is open here, lets go of what has ended, and tells what was swept', async () => {
    const lost: string[] = [];
    const leases = new OpenCallLeases({
      pool: fixture.pool,
      owner: 'o',
      leaseMs: 600,
      renewEveryMs: 100,
      onLost: (callIds) => lost.push(...callIds),
    });
    const limits = { rowsMax: 1e6, ageMsMax: 1e6 };
    const writer = new OutboxWriter({ pool: fixture.pool, source: freshSource(), leases, limits });
    const sweeper = openSweeper({ everyMs: 50 });
    leases.start();
    sweeper.start();
    for (const call of ['long', 'short', 'stolen']) await writer.commit(opening(call));
    expect(leases.openCalls).toBe(3);
    await writer.commit(closing('short'));
    await fixture.pool.query("delete from open_calls where call_id = 'stolen'");
    await fixture.pool.query(
      "insert into open_calls (call_id, owner, lease_until, next_seq, context) values ('stranger', 'o', now() + interval '0.3 s', 4, '')",
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(lost).toEqual(['stolen']);
    expect(leases.openCalls).toBe(1);
    // An open that this process does not know of, as after a lost answer, is not kept alive.
    expect(await idsEndingWith('.orphaned')).toEqual(['stranger.orphaned']);
    leases.untrack('long');
    await expect.poll(() => idsEndingWith('.orphaned'), { timeout: 5_000 }).toContain('long.orphaned');
    await leases.stop();
    await sweeper.stop();
    await writer.close();
  });

  it('does not wait for rows that are being ended', async () => {
    const leases = new OpenCallLeases({ pool: fixture.pool, owner: 'o2', leaseMs: 10_000 });
    const limits = { rowsMax: 1e6, ageMsMax: 1e6 };
    const writer = new OutboxWriter({ pool: fixture.pool, source: freshSource(), leases, limits });
    for (const call of ['locked', 'free']) await writer.commit(opening(call));
    await expire();
    const client = await fixture.pool.connect();
    await client.query("begin; select from open_calls where call_id = 'locked' for update");
    await leases.renew();
    await client.query('rollback');
    client.release();
    expect(leases.openCalls).toBe(2);
    const { rows } = await fixture.pool.query('select call_id from open_calls where lease_until > now()');
    expect(rows).toEqual([{ call_id: 'free' }]);
    await writer.close();
  });
});
