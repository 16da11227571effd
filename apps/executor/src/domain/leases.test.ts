import { fail, ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';

import { forgottenCallsMax, unacknowledgedAnswersMax } from './call-memory.ts';
import type { LeaseEffect, LeaseInput } from './lease-messages.ts';
import { Leases } from './leases.ts';
import type { CallAnswer, Lease } from './protocol-messages.ts';

const plan = { runtime: 'host', limits: { memoryMib: 1, pids: 1, cpuMillis: 1, workspaceMib: 1 } };
const leaseMs = 1_000;
const a1: Lease = { workId: 'work_a', token: 1n };
const a2: Lease = { workId: 'work_a', token: 2n };
const b1: Lease = { workId: 'work_b', token: 1n };

class Subject {
  readonly leases: Leases;
  nowMs = 0;

  constructor(slots = 2) {
    this.leases = new Leases(slots);
    this.register();
  }

  do(input: LeaseInput): readonly LeaseEffect[] {
    return this.leases.handle(input, this.nowMs);
  }

  /** The effects in short: messages by their kind. */
  says(input: LeaseInput): readonly string[] {
    return this.do(input).map((effect) => {
      if (effect.type !== 'send') return effect.type;
      const { message } = effect;
      if (message.type === 'answer') return `answer ${message.answer.outcome} ${message.answer.code}`.trim();
      if (message.type === 'decline' || message.type === 'sandboxLost') return `${message.type} ${message.reason}`;
      return message.type === 'credits' ? `credits ${message.offers}` : message.type;
    });
  }

  register(kept: readonly Lease[] = []): readonly string[] {
    return this.says({ type: 'registered', kept, leaseMs, callBytesMax: 100, sentAtMs: this.nowMs });
  }

  offer(lease: Lease): readonly string[] {
    return this.says({ type: 'offered', lease, sessionId: 'sesn_x', fit: ok(plan) });
  }

  ready(lease: Lease): void {
    this.offer(lease);
    this.do({ type: 'sandboxReady', lease, startMs: 3 });
  }

  call(lease: Lease, callId: string): readonly string[] {
    const call = { callId, tool: 't', argumentsJson: new Uint8Array(), deadlineMs: 1, traceparent: '' };
    return this.says({ type: 'called', lease, call });
  }

  ended(lease: Lease, callId: string): readonly string[] {
    return this.says({ type: 'callEnded', answer: done(lease, callId) });
  }

  heartbeat(): readonly string[] {
    return this.says({ type: 'heartbeatDue' });
  }
}

function done(lease: Lease, callId: string): CallAnswer {
  return { lease, callId, outcome: 'done', text: callId, isError: false, code: '', durationMs: 1 };
}

describe('offers', () => {
  it('are taken while there are slots', () => {
    const subject = new Subject(1);
    expect(subject.offer(a1)).toEqual(['accept', 'create', 'credits 0']);
    expect(subject.offer(b1)).toEqual(['decline no_capacity']);
    expect(subject.says({ type: 'released', lease: a1 })).toEqual(['destroy']); // its slot is taken until it is gone
    expect(subject.offer(b1)).toEqual(['decline no_capacity']);
    expect(subject.says({ type: 'sandboxGone', lease: a1 })).toEqual(['credits 1']);
    expect(subject.offer(b1)).toEqual(['accept', 'create', 'credits 0']); // a declined one may come again
  });

  it('that come again are accepted again and nothing else', () => {
    const subject = new Subject();
    subject.offer(a1);
    expect(subject.offer(a1)).toEqual(['accept']);
    subject.do({ type: 'sandboxReady', lease: a1, startMs: 1 });
    expect(subject.offer(a1)).toEqual(['accept', 'sandboxReady']);
  });

  it('with a newer token replace, with an older one change nothing, also when the lease is over', () => {
    const subject = new Subject(1);
    subject.ready(a1);
    expect(subject.offer(a2)).toEqual(['destroy', 'accept', 'create']);
    expect(subject.offer(a1)).toEqual(['decline lease_stale']);
    expect(subject.leases.held()).toEqual([a2]);
    subject.do({ type: 'released', lease: a2 });
    expect(subject.offer(a2)).toEqual(['decline lease_stale']);
    expect(subject.offer(a1)).toEqual(['decline lease_stale']);
  });

  it('are declined where they do not fit; what they replace is over all the same', () => {
    const subject = new Subject();
    subject.ready(a1);
    const offered = { type: 'offered', lease: a2, sessionId: 'sesn_x', fit: fail('tier_unavailable') } as const;
    expect(subject.says(offered)).toEqual(['destroy', 'decline tier_unavailable']);
  });
});

describe('a lease', () => {
  it('ends by itself, with time to kill, from when the acknowledged heartbeat was sent', () => {
    const subject = new Subject();
    subject.ready(a1);
    expect(subject.leases.nextEndMs).toBe(900);
    subject.nowMs = 300;
    subject.heartbeat();
    subject.nowMs = 600;
    subject.do({ type: 'heartbeatAcknowledged', lost: [] });
    expect(subject.leases.nextEndMs).toBe(1_200);
    subject.nowMs = 1_199;
    expect(subject.says({ type: 'timePassed' })).toEqual([]);
    subject.nowMs = 1_200;
    expect(subject.says({ type: 'timePassed' })).toEqual(['sandboxLost sandbox_died', 'destroy']);
    expect(subject.leases.nextEndMs).toBeUndefined();
  });

  it('that has ended takes no message: the end comes first', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.nowMs = 900;
    expect(subject.call(a1, 'call_1')).toEqual(['sandboxLost sandbox_died', 'destroy', 'answer refused lease_unknown']);
  });

  it('is not renewed by a heartbeat that did not name it, nor by an acknowledgement of nothing', () => {
    const subject = new Subject();
    subject.heartbeat();
    subject.nowMs = 500;
    subject.ready(a1);
    subject.do({ type: 'heartbeatAcknowledged', lost: [] });
    subject.do({ type: 'heartbeatAcknowledged', lost: [] });
    expect(subject.leases.nextEndMs).toBe(1_400);
  });

  it('that the scheduler gives up is destroyed', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.heartbeat();
    expect(subject.says({ type: 'heartbeatAcknowledged', lost: [a2, b1] })).toEqual([]);
    subject.heartbeat();
    expect(subject.says({ type: 'heartbeatAcknowledged', lost: [a1] })).toEqual(['destroy']);
  });

  it('survives a cut where it is kept; all others are destroyed', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.ready(b1);
    subject.call(a1, 'call_1');
    expect(subject.says({ type: 'disconnected', isAnswerForeign: false })).toEqual([]);
    expect(subject.ended(a1, 'call_1')).toEqual([]);
    subject.nowMs = 800;
    expect(subject.register([a1, a2])).toEqual([
      'destroy',
      'sandboxLost sandbox_died', // a2: kept, and not there
      'answer done',
      'credits 0',
    ]);
    expect(subject.leases.nextEndMs).toBe(1_700);
    expect(subject.says({ type: 'answerAcknowledged', callId: 'call_1' })).toEqual([]);
    subject.do({ type: 'disconnected', isAnswerForeign: false });
    expect(subject.register([a1])).toEqual(['credits 0']);
  });

  it('says again that its sandbox is ready until it is called', () => {
    const subject = new Subject();
    subject.offer(a1);
    subject.do({ type: 'disconnected', isAnswerForeign: false });
    expect(subject.says({ type: 'sandboxReady', lease: a1, startMs: 4 })).toEqual([]);
    expect(subject.register([a1])).toEqual(['sandboxReady', 'credits 1']);
  });

  it('leaves a scheduler that acknowledges no heartbeat', () => {
    const subject = new Subject();
    subject.heartbeat();
    subject.nowMs = 499;
    expect(subject.heartbeat()).toEqual(['heartbeat']);
    subject.nowMs = 500;
    expect(subject.heartbeat()).toEqual(['cut']);
    const quick = new Subject();
    for (let index = 0; index < 64; index += 1) expect(quick.heartbeat()).toEqual(['heartbeat']);
    expect(quick.heartbeat()).toEqual(['cut']);
  });
});

describe('a call', () => {
  it('runs alone, and only in a sandbox that is ready', () => {
    const subject = new Subject();
    subject.offer(a1);
    expect(subject.call(a1, 'call_0')).toEqual(['answer refused sandbox_not_ready']);
    subject.do({ type: 'sandboxReady', lease: a1, startMs: 1 });
    expect(subject.call(a1, 'call_1')).toEqual(['run']);
    expect(subject.call(a1, 'call_1')).toEqual([]);
    expect(subject.call(a1, 'call_2')).toEqual(['answer refused call_in_flight']);
    expect(subject.call(a2, 'call_3')).toEqual(['answer refused lease_unknown']);
    expect(subject.leases.callsInFlight).toBe(1);
    expect(subject.ended(a1, 'call_1')).toEqual(['answer done']);
    expect(subject.ended(a1, 'call_1')).toEqual([]);
    expect(subject.call(a1, 'call_1')).toEqual(['answer done']);
    expect(subject.call(a1, 'call_4')).toEqual(['run']);
  });

  it('that was refused under an old claim may run under the next', () => {
    const subject = new Subject();
    expect(subject.call(a1, 'call_1')).toEqual(['answer refused lease_unknown']);
    subject.ready(a2);
    expect(subject.call(a2, 'call_1')).toEqual(['run']);
    subject.ended(a2, 'call_1');
    expect(subject.call(a1, 'call_1')).toEqual(['answer done']);
  });

  it('is lost with its lease, and stays so', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.call(a1, 'call_1');
    expect(subject.says({ type: 'sandboxDied', lease: a1 })).toEqual([
      'abort',
      'answer lost sandbox_died',
      'sandboxLost sandbox_died',
      'destroy',
    ]);
    expect(subject.ended(a1, 'call_1')).toEqual([]);
    expect(subject.call(a1, 'call_1')).toEqual(['answer lost sandbox_died']);
    subject.ready(a2);
    expect(subject.call(a2, 'call_1')).toEqual(['answer lost sandbox_died']);
  });

  it('that runs is not run beside itself, nor refused, for another lease', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.ready(b1);
    subject.call(a1, 'call_1');
    expect(subject.call(b1, 'call_1')).toEqual([]);
    expect(subject.call({ workId: 'work_c', token: 1n }, 'call_1')).toEqual([]);
    expect(subject.ended(a1, 'call_1')).toEqual(['answer done']);
  });

  it('that is cancelled is aborted where it runs', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.call(a1, 'call_1');
    expect(subject.says({ type: 'cancelRequested', lease: a1, callId: 'call_2' })).toEqual([]);
    expect(subject.says({ type: 'cancelRequested', lease: a2, callId: 'call_1' })).toEqual([]);
    expect(subject.says({ type: 'cancelRequested', lease: a1, callId: 'call_1' })).toEqual(['abort']);
  });

  it('is refused while too many answers wait, and never run again once forgotten', () => {
    const subject = new Subject();
    subject.ready(a1);
    for (let index = 0; index < unacknowledgedAnswersMax; index += 1) {
      subject.call(a1, `call_${index}`);
      subject.ended(a1, `call_${index}`);
    }
    expect(subject.leases.answersUnacknowledged).toBe(unacknowledgedAnswersMax);
    expect(subject.call(a1, 'call_more')).toEqual(['answer refused answers_unacknowledged']);
    expect(subject.leases.answersUnacknowledged).toBe(unacknowledgedAnswersMax);
    for (let index = 0; index < unacknowledgedAnswersMax; index += 1)
      subject.do({ type: 'answerAcknowledged', callId: `call_${index}` });
    expect(subject.call(a1, 'call_0')).toEqual(['answer lost answer_forgotten']);
    expect(forgottenCallsMax).toBeGreaterThan(unacknowledgedAnswersMax);
  });
});

describe('what the scheduler holds against us', () => {
  it('a declined offer: credits are said again with the next heartbeat', () => {
    const subject = new Subject(1);
    const offered = { type: 'offered', lease: a1, sessionId: 'sesn_x', fit: fail('tier_unavailable') } as const;
    expect(subject.says(offered)).toEqual(['decline tier_unavailable']);
    expect(subject.heartbeat()).toEqual(['heartbeat', 'credits 1']);
    expect(subject.heartbeat()).toEqual(['heartbeat']);
  });

  it('a foreign answer: those of leases that are over are given up', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.ready(b1);
    for (const lease of [a1, b1]) {
      subject.call(lease, `call_${lease.workId}`);
      subject.ended(lease, `call_${lease.workId}`);
    }
    subject.do({ type: 'released', lease: a1 });
    subject.do({ type: 'disconnected', isAnswerForeign: true });
    expect(subject.register([b1]).filter((said) => said.startsWith('answer'))).toEqual(['answer done']);
    expect(subject.call(b1, 'call_work_a')).toEqual(['answer lost answer_forgotten']);
  });
});

describe('the end of an executor', () => {
  it('takes nothing more, then loses what there is', () => {
    const subject = new Subject();
    subject.ready(a1);
    subject.ready(b1);
    subject.call(a1, 'call_1');
    expect(subject.says({ type: 'drainStarted' })).toEqual(['draining']);
    expect(subject.says({ type: 'drainStarted' })).toEqual([]);
    expect(subject.call(b1, 'call_2')).toEqual(['answer refused executor_stopping']);
    expect(subject.offer({ workId: 'work_c', token: 1n })).toEqual(['decline draining']);
    expect(subject.says({ type: 'stopped' })).toEqual([
      'abort',
      'answer lost executor_stopping',
      'sandboxLost executor_stopping',
      'destroy',
      'sandboxLost executor_stopping',
      'destroy',
    ]);
    subject.do({ type: 'disconnected', isAnswerForeign: false });
    expect(subject.register()).toContain('draining');
  });

  it('a start that fails ends the lease', () => {
    const subject = new Subject();
    subject.offer(a1);
    expect(subject.says({ type: 'sandboxFailed', lease: a1 })).toEqual(['sandboxLost start_failed', 'destroy']);
    expect(subject.says({ type: 'sandboxReady', lease: a1, startMs: 1 })).toEqual([]);
  });
});
