import { describe, expect, it } from 'vitest';
import { workItemDecider, type WorkItemEvent } from './work-item.ts';

const after = (...events: WorkItemEvent[]) => events.reduce(workItemDecider.evolve, workItemDecider.initialState);
const queued: WorkItemEvent = {
  type: 'WorkQueued',
  sessionId: 'sesn_1',
  environmentId: 'env_1',
  lastToken: 4,
  atMs: 1,
};
const claimed: WorkItemEvent = { type: 'WorkClaimed', executorId: 'a', token: 5, atMs: 2 };
const { decide } = workItemDecider;

describe('a work item', () => {
  it('is claimed with a token above every one of its session', () => {
    expect(decide(after(queued), { type: 'ClaimWork', executorId: 'a', atMs: 2 })).toEqual({
      ok: true,
      value: [claimed],
    });
    expect(decide(after(queued, claimed), { type: 'ClaimWork', executorId: 'b', atMs: 3 })).toMatchObject({
      reason: 'not-queued',
    });
  });

  it('takes nothing from a token that is not the current one', () => {
    const state = after(queued, claimed);
    for (const token of [4, 6]) {
      expect(decide(state, { type: 'ReportReady', token, startMs: 1, atMs: 3 })).toMatchObject({
        reason: 'token-fenced',
      });
      expect(decide(state, { type: 'EndLease', token, reason: 'sandbox_died', requeue: true, atMs: 3 })).toMatchObject({
        reason: 'token-fenced',
      });
    }
  });

  it('goes back into the queue while somebody waits, and stops otherwise', () => {
    const end = { type: 'EndLease', token: 5, reason: 'lease_expired', atMs: 3 } as const;
    const requeued = decide(after(queued, claimed), { ...end, requeue: true });
    expect(requeued.ok && requeued.value.reduce(workItemDecider.evolve, after(queued, claimed))).toEqual({
      status: 'queued',
      token: 5,
    });
    const stopped = decide(after(queued, claimed), { ...end, requeue: false });
    expect(stopped.ok && stopped.value.reduce(workItemDecider.evolve, after(queued, claimed))).toEqual({
      status: 'stopped',
      token: 5,
    });
    expect(decide(after(queued, claimed), { type: 'StopWork', atMs: 3 })).toMatchObject({ reason: 'still-leased' });
  });

  it('hears of a started sandbox once', () => {
    const ready = { type: 'ReportReady', token: 5, startMs: 30, atMs: 3 } as const;
    const started: WorkItemEvent = { type: 'SandboxStarted', token: 5, startMs: 30, atMs: 3 };
    expect(decide(after(queued, claimed), ready)).toEqual({ ok: true, value: [started] });
    expect(decide(after(queued, claimed, started), ready)).toEqual({ ok: true, value: [] });
  });
});
