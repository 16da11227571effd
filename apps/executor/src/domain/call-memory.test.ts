import { describe, expect, it } from 'vitest';

import {
  acknowledgedAnswersPerLeaseMax,
  acknowledgedCharactersPerLeaseMax,
  CallMemory,
  forgottenCallsMax,
  unacknowledgedAnswersMax,
  unacknowledgedCharactersMax,
} from './call-memory.ts';
import type { CallAnswer } from './protocol-messages.ts';

const isHeld = () => true;

function answer(callId: string, text = '', workId = 'work_a'): CallAnswer {
  const lease = { workId, token: 1n };
  return { lease, callId, outcome: 'done', text, isError: false, code: '', durationMs: 1 };
}

describe('the memory of calls', () => {
  it('keeps an answer until it is acknowledged, oldest first, and a while longer', () => {
    const calls = new CallMemory();
    calls.keep(answer('call_1', 'one'));
    calls.keep(answer('call_2', 'two'));
    expect(calls.unacknowledged().map(({ text }) => text)).toEqual(['one', 'two']);
    calls.acknowledge('call_1', isHeld);
    calls.acknowledge('call_1', isHeld);
    calls.acknowledge('call_unknown', isHeld);
    expect(calls.unacknowledged().map(({ text }) => text)).toEqual(['two']);
    expect(calls.recall('call_1')).toMatchObject({ type: 'answer', answer: { text: 'one' } });
    expect(calls.recall('call_unknown')).toBeUndefined();
  });

  it('keeps the last acknowledged answers of a lease, then only that the call has been', () => {
    const calls = new CallMemory();
    for (let index = 0; index <= acknowledgedAnswersPerLeaseMax; index += 1) {
      calls.keep(answer(`call_${index}`));
      calls.acknowledge(`call_${index}`, isHeld);
    }
    expect(calls.recall('call_0')).toEqual({ type: 'forgotten' });
    expect(calls.recall('call_1')?.type).toBe('answer');
    calls.leaseOver('work_a');
    expect(calls.recall('call_1')).toEqual({ type: 'forgotten' });
    calls.keep(answer('call_late'));
    calls.acknowledge('call_late', () => false);
    expect(calls.recall('call_late')).toEqual({ type: 'forgotten' });
  });

  it('keeps few of them where they are long', () => {
    const calls = new CallMemory();
    const long = 'x'.repeat(acknowledgedCharactersPerLeaseMax / 2);
    for (const callId of ['call_1', 'call_2', 'call_3']) {
      calls.keep(answer(callId, long));
      calls.acknowledge(callId, isHeld);
    }
    expect(calls.recall('call_1')?.type).toBe('forgotten');
    expect(calls.recall('call_2')?.type).toBe('answer');
  });

  it('has no room for more answers than its bounds', () => {
    const many = new CallMemory();
    for (let index = 0; index < unacknowledgedAnswersMax; index += 1) {
      expect(many.hasRoom).toBe(true);
      many.keep(answer(`call_${index}`));
    }
    expect(many.hasRoom).toBe(false);
    many.acknowledge('call_7', isHeld);
    expect(many.hasRoom).toBe(true);

    const long = new CallMemory();
    long.keep(answer('call_1', 'x'.repeat(unacknowledgedCharactersMax)));
    expect(long.hasRoom).toBe(false);
    long.keep(answer('call_1', ''));
    expect(long.hasRoom).toBe(true);
  });

  it('forgets the oldest ids at last', () => {
    const calls = new CallMemory();
    for (let index = 0; index <= forgottenCallsMax; index += 1) {
      calls.keep(answer(`call_${index}`));
      calls.acknowledge(`call_${index}`, () => false);
    }
    expect(calls.recall('call_0')).toBeUndefined();
    expect(calls.recall('call_1')?.type).toBe('forgotten');
  });

  it('drops a refusal, also one that was acknowledged', () => {
    const calls = new CallMemory();
    calls.keep(answer('call_1'));
    calls.acknowledge('call_1', isHeld);
    calls.drop('call_1');
    calls.drop('call_2');
    expect(calls.recall('call_1')).toBeUndefined();
  });
});
