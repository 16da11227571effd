import fc from 'fast-check';
import { ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';

import { unacknowledgedAnswersMax } from './call-memory.ts';
import type { LeaseEffect, LeaseInput } from './lease-messages.ts';
import { Leases } from './leases.ts';
import type { Lease } from './protocol-messages.ts';

const slots = 2;
const leaseMs = 1_000;
const plan = { runtime: 'host', limits: { memoryMib: 1, pids: 1, cpuMillis: 1, workspaceMib: 1 } };

const leases = fc.record({ workId: fc.constantFrom('work_a', 'work_b', 'work_c'), token: fc.bigInt(1n, 4n) });
const callIds = fc.constantFrom('call_1', 'call_2', 'call_3', 'call_4', 'call_5');

const inputs: fc.Arbitrary<LeaseInput> = fc.oneof(
  fc.record({
    type: fc.constant('registered' as const),
    kept: fc.array(leases, { maxLength: 3 }),
    leaseMs: fc.constant(leaseMs),
    callBytesMax: fc.constant(10),
    sentAtMs: fc.constant(0),
  }),
  fc.boolean().map((isAnswerForeign) => ({ type: 'disconnected' as const, isAnswerForeign })),
  ...Array.from({ length: 3 }, () =>
    leases.map((lease) => ({ type: 'offered' as const, lease, sessionId: 'sesn_x', fit: ok(plan) })),
  ),
  ...Array.from({ length: 3 }, () => leases.map((lease) => ({ type: 'sandboxReady' as const, lease, startMs: 1 }))),
  ...Array.from({ length: 3 }, () =>
    fc.tuple(leases, callIds).map(([lease, callId]) => ({
      type: 'called' as const,
      lease,
      call: { callId, tool: 't', argumentsJson: new Uint8Array(), deadlineMs: 1, traceparent: '' },
    })),
  ),
  fc.tuple(leases, callIds).map(([lease, callId]) => ({ type: 'cancelRequested' as const, lease, callId })),
  callIds.map((callId) => ({ type: 'answerAcknowledged' as const, callId })),
  fc.constant({ type: 'heartbeatDue' as const }),
  fc.array(leases, { maxLength: 1 }).map((lost) => ({ type: 'heartbeatAcknowledged' as const, lost })),
  leases.map((lease) => ({ type: 'released' as const, lease })),
  leases.map((lease) => ({ type: 'sandboxFailed' as const, lease })),
  leases.map((lease) => ({ type: 'sandboxDied' as const, lease })),
  fc.tuple(leases, callIds).map(([lease, callId]) => ({
    type: 'callEnded' as const,
    answer: { lease, callId, outcome: 'done' as const, text: 'x', isError: false, code: '', durationMs: 1 },
  })),
  fc.constant({ type: 'timePassed' as const }),
);
const steps = fc.array(fc.tuple(inputs, fc.integer({ min: 0, max: 400 })), { maxLength: 80 });

/** What the effects make of the world, and what must never be true of it. */
class World {
  readonly alive = new Map<string, bigint>();
  readonly newest = new Map<string, bigint>();
  readonly ran = new Set<string>();
  readonly running = new Map<string, Lease>();
  readonly destroying: Lease[] = [];
  isConnected = false;

  apply(effect: LeaseEffect): void {
    switch (effect.type) {
      case 'create': {
        const { workId, token } = effect.lease;
        expect(this.alive.has(workId), 'one sandbox for each work item').toBe(false);
        expect(token, 'tokens rise').toBeGreaterThan(this.newest.get(workId) ?? 0n);
        this.alive.set(workId, token);
        this.newest.set(workId, token);
        return;
      }
      case 'destroy': {
        const { workId, token } = effect.lease;
        expect(this.alive.get(workId), 'only what is there is destroyed').toBe(token);
        this.alive.delete(workId);
        this.destroying.push(effect.lease);
        const orphans = [...this.running].filter(([, lease]) => lease.workId === workId && lease.token === token);
        expect(orphans, 'no call outlives its sandbox').toEqual([]);
        return;
      }
      case 'run': {
        const { lease, call } = effect;
        expect(this.ran.has(call.callId), 'a call runs once').toBe(false);
        expect(this.alive.get(lease.workId), 'a call runs in the sandbox of its lease').toBe(lease.token);
        expect([...this.running.values()].filter(({ workId }) => workId === lease.workId)).toEqual([]);
        this.ran.add(call.callId);
        this.running.set(call.callId, lease);
        return;
      }
      case 'abort':
        expect(this.running.has(effect.callId)).toBe(true);
        if (effect.cause === 'lease_over') this.running.delete(effect.callId);
        return;
      case 'send':
        expect(this.isConnected, 'nothing is sent without a stream').toBe(true);
        if (effect.message.type === 'answer') this.running.delete(effect.message.answer.callId);
        return;
      case 'cut':
    }
  }
}

describe('the leases of an executor, whatever comes in whatever order', () => {
  it('hold their invariants', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const subject = new Leases(slots);
        const world = new World();
        let nowMs = 0;
        let lastSignOfLifeMs = 0;
        const sentAtMs: number[] = [];
        for (const [drawn, afterMs] of sequence) {
          nowMs += afterMs;
          const input = drawn.type === 'registered' ? { ...drawn, sentAtMs: nowMs } : drawn;
          if (input.type === 'registered' || input.type === 'disconnected') sentAtMs.length = 0;
          if (input.type === 'registered') world.isConnected = true;
          if (input.type === 'registered' || input.type === 'offered') lastSignOfLifeMs = nowMs;
          if (input.type === 'heartbeatAcknowledged')
            lastSignOfLifeMs = Math.max(lastSignOfLifeMs, sentAtMs.shift() ?? 0);
          // Without a stream nobody asks.
          const asks = ['offered', 'called', 'cancelRequested', 'answerAcknowledged', 'released'];
          if (!world.isConnected && asks.includes(input.type)) continue;
          const effects = subject.handle(input, nowMs);
          if (input.type === 'disconnected') world.isConnected = false;
          if (input.type === 'callEnded' && !world.isConnected) world.running.delete(input.answer.callId);
          for (const effect of effects) {
            world.apply(effect);
            if (effect.type === 'send' && effect.message.type === 'heartbeat') sentAtMs.push(nowMs);
          }
          for (const lease of world.destroying.splice(0)) subject.handle({ type: 'sandboxGone', lease }, nowMs);
          const held = subject.held();
          expect(new Map(held.map(({ workId, token }) => [workId, token]))).toEqual(world.alive);
          expect(held.length).toBeLessThanOrEqual(slots);
          expect(subject.answersUnacknowledged).toBeLessThanOrEqual(unacknowledgedAnswersMax + slots);
          if (held.length > 0) expect(nowMs).toBeLessThan(lastSignOfLifeMs + leaseMs);
        }
        subject.handle({ type: 'timePassed' }, nowMs + leaseMs).forEach((effect) => world.apply(effect));
        expect(world.alive.size).toBe(0);
        expect(world.running.size).toBe(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
