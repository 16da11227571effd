import { describe, expect, it } from 'vitest';
import { type AnswerSeen, endFromAnswer } from './answer-end.ts';

const answer = (outcome: AnswerSeen['outcome'], isError = false, code = '') =>
  endFromAnswer({ outcome, isError, code });

describe('the end of a call, from its answer', () => {
  it('says whether the tool had an effect', () => {
    expect(answer('done')).toMatchObject({ phase: 'completed', status: 'ok', effect: 'reported' });
    expect(answer('done', true)).toMatchObject({ phase: 'failed', status: 'tool_error', effect: 'reported' });
    expect(answer('timed_out')).toMatchObject({ phase: 'timed_out', code: 'call_deadline', effect: 'unknown' });
    expect(answer('cancelled')).toMatchObject({ phase: 'cancelled', effect: 'unknown' });
    expect(answer('lost', true, 'oom')).toMatchObject({ phase: 'failed', code: 'oom', effect: 'unknown' });
    expect(answer('refused', false, 'lease_unknown')).toMatchObject({ phase: 'failed', effect: 'none' });
  });
});
