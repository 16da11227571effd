import { describe, expect, it } from 'vitest';
import { sessionHistory } from './session-history.ts';

describe('the history of a session', () => {
  it('tells of sandboxes, without what only the queue cares about', () => {
    expect(sessionHistory({ type: 'WorkClaimed', executorId: 'x', token: 2, atMs: 1 })).toEqual({
      type: 'session.sandbox_claimed',
      detail: { executor_id: 'x', lease_token: 2 },
    });
    expect(sessionHistory({ type: 'WorkStopped', atMs: 1 })).toBeUndefined();
  });
});
