import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { recoverLeases } from './recover-leases.ts';
import { MachineryBed } from '../testing/machinery-bed.ts';

const settle = () => vi.advanceTimersByTimeAsync(5);
const last = <Value>(values: readonly Value[]): Value => {
  const value = values.at(-1);
  if (value === undefined) throw new Error('there is none');
  return value;
};

describe('calls, claims and sandboxes together', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** A session with a sandbox that has answered once. */
  async function warm(bed: MachineryBed, sessionId: string) {
    const call = bed.call(sessionId);
    await settle();
    const lease = last(bed.link.offers);
    await bed.ready(lease);
    await settle();
    await bed.reply(last(bed.link.calls), 'on');
    expect(await call.answer).toMatchObject({ text: 'on' });
    return lease;
  }

  it('gives a call a sandbox although the end of the last claim could not be written at first', async () => {
    const bed = new MachineryBed();
    bed.connect();
    const lease = await warm(bed, 'sesn_1');
    bed.queue.failing.endLease = 3;
    bed.lost(lease);
    const call = bed.call('sesn_1');
    await settle();
    expect(bed.queue.statesOf('sesn_1')).toEqual(['leased']);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(bed.failures).toHaveLength(3);
    const next = last(bed.link.offers);
    expect(next.token).toBe(lease.token + 1);
    await bed.ready(next);
    await settle();
    await bed.reply(last(bed.link.calls), 'again');
    expect((await call.answer).text).toMatch(/^\[The previous sandbox of this session is gone: it died\..*\]\nagain$/s);
  });

  it('keeps nothing of a session without calls and sandbox, but tells its agent later that the sandbox went', async () => {
    const bed = new MachineryBed();
    bed.connect();
    const lease = await warm(bed, 'sesn_1');
    expect(bed.machinery.lanes.find('sesn_1')).toBeDefined();
    bed.lost(lease);
    await settle();
    expect(bed.machinery.lanes.find('sesn_1')).toBeUndefined();
    expect(bed.machinery.lanes.withLease(lease)).toBeUndefined();
    const call = bed.call('sesn_1');
    await settle();
    await bed.ready(last(bed.link.offers));
    await settle();
    await bed.reply(last(bed.link.calls), 'new');
    expect((await call.answer).text).toContain('The previous sandbox of this session is gone');
    const after = bed.call('sesn_1');
    await settle();
    await bed.reply(last(bed.link.calls), 'told once');
    expect(await after.answer).toMatchObject({ text: 'told once' });
  });

  it('keeps nothing of a session that is archived, whether it was idle, waiting or at work', async () => {
    const bed = new MachineryBed();
    bed.connect();
    await warm(bed, 'sesn_idle');
    await warm(bed, 'sesn_busy');
    const busy = bed.call('sesn_busy');
    await settle();
    bed.machinery.executors.setCredits('executor-1', 0);
    const waiting = bed.call('sesn_waiting');
    await settle();
    for (const sessionId of ['sesn_idle', 'sesn_busy', 'sesn_waiting']) bed.machinery.lanes.close(sessionId);
    await settle();
    expect(await busy.answer).toMatchObject({ code: 'session_ended' });
    expect(await waiting.answer).toMatchObject({ code: 'session_ended' });
    for (const sessionId of ['sesn_idle', 'sesn_busy', 'sesn_waiting']) {
      expect(bed.machinery.lanes.find(sessionId)).toBeUndefined();
      expect(bed.queue.statesOf(sessionId)).toEqual(['stopped']);
    }
  });

  it('says that the session has ended where it is archived while its call is on the way to the queue', async () => {
    const bed = new MachineryBed();
    bed.queue.archived.add('sesn_1');
    const call = bed.call('sesn_1');
    await settle();
    expect(await call.answer).toMatchObject({ code: 'session_ended' });
    expect(bed.journal.ends).toEqual(['failed session_ended']);
    expect(bed.machinery.lanes.find('sesn_1')).toBeUndefined();
  });

  it('refuses a call where too many sessions wait, and keeps nothing of it', async () => {
    const bed = new MachineryBed({ queueDepthMax: 1 });
    void bed.call('sesn_1');
    await settle();
    expect(await bed.call('sesn_2').answer).toMatchObject({ code: 'queue_full' });
    expect(bed.machinery.lanes.find('sesn_2')).toBeUndefined();
    void bed.call('sesn_1');
    void bed.call('sesn_1');
    await settle();
    expect(await bed.call('sesn_1').answer).toMatchObject({ code: 'session_busy' });
  });

  it('gives a claim back that nobody waits for any more, and counts it for nobody', async () => {
    const bed = new MachineryBed({ share: () => ({ weight: 1, leasesMax: 1 }) });
    const given = new AbortController();
    const call = bed.call('sesn_1', given.signal);
    await settle();
    bed.queue.duringClaim = async () => {
      bed.queue.duringClaim = undefined;
      given.abort();
      await call.answer;
    };
    bed.queue.failing.endLease = 1;
    bed.connect();
    await settle();
    expect(await call.answer).toMatchObject({ phase: 'cancelled' });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(bed.queue.statesOf('sesn_1')).toEqual(['stopped']);
    expect(bed.link.offers).toEqual([]);
    await warm(bed, 'sesn_2');
  });

  it('does not look for work again that was taken out of the queue during a claim', async () => {
    const bed = new MachineryBed({ queueDepthMax: 1 });
    const given = new AbortController();
    const call = bed.call('sesn_1', given.signal);
    await settle();
    let claims = 0;
    bed.queue.duringClaim = async () => {
      claims += 1;
      given.abort();
      await call.answer;
      await bed.queue.stop('work_1');
    };
    bed.connect();
    await settle();
    await vi.advanceTimersByTimeAsync(3_000);
    bed.machinery.place.hint();
    await settle();
    expect(claims).toBe(1);
    expect(bed.machinery.place.hasRoom('env_1', 'wrkspc_1')).toBe(true);
  });

  it('serves the next call of a session whose work could not be taken out of the queue', async () => {
    const bed = new MachineryBed();
    bed.queue.failing.stop = 1;
    const given = new AbortController();
    const call = bed.call('sesn_1', given.signal);
    await settle();
    given.abort();
    await settle();
    expect(await call.answer).toMatchObject({ phase: 'cancelled' });
    expect(bed.failures).toHaveLength(1);
    expect(bed.queue.statesOf('sesn_1')).toEqual(['queued']);
    bed.connect();
    await warm(bed, 'sesn_1');
    expect(bed.queue.statesOf('sesn_1')).toEqual(['leased']);
  });

  it('gives a call a sandbox although a claim was written of which nobody heard, once it has lapsed', async () => {
    const bed = new MachineryBed({ placeMsMax: 20_000 });
    bed.queue.unheardClaims = 1;
    const call = bed.call('sesn_1');
    await settle();
    bed.connect();
    await settle();
    expect(bed.link.offers).toEqual([]);
    expect(bed.queue.statesOf('sesn_1')).toEqual(['leased']);
    await bed.machinery.leases.sweep();
    await settle();
    expect(bed.link.offers.map(({ token }) => token)).toEqual([2]);
    await bed.ready(last(bed.link.offers));
    await settle();
    await bed.reply(last(bed.link.calls), 'on');
    expect(await call.answer).toMatchObject({ text: 'on' });
  });

  it('ends a claim whose sandbox does not start in time, and asks for another while a call waits', async () => {
    const bed = new MachineryBed({ placeMsMax: 20_000 });
    bed.connect();
    const call = bed.call('sesn_1');
    await settle();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(bed.link.released).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    bed.machinery.place.hint();
    await settle();
    expect(bed.link.offers.map(({ token }) => token)).toEqual([1, 2]);
    await bed.ready(last(bed.link.offers));
    await settle();
    await bed.reply(last(bed.link.calls), 'at last');
    expect(await call.answer).toMatchObject({ text: 'at last' });
  });

  it('ends claims of sessions that were archived when the process before ended, and lets the others go on', async () => {
    const before = new MachineryBed();
    before.connect();
    const kept = await warm(before, 'sesn_kept');
    const over = await warm(before, 'sesn_over');
    const bed = new MachineryBed();
    bed.queue.items.push(...before.queue.items);
    bed.terminated.add('sesn_over');
    const { machinery, queue } = bed;
    await recoverLeases({
      queue,
      sessions: machinery.directory,
      begin: machinery.begin,
      executors: machinery.executors,
    });
    expect(machinery.lanes.withLease(kept)?.isReady).toBe(true);
    expect(queue.statesOf('sesn_kept')).toEqual(['leased']);
    expect(machinery.lanes.withLease(over)).toBeUndefined();
    expect(queue.statesOf('sesn_over')).toEqual(['stopped']);
  });
});
