import fc from 'fast-check';
import { ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';

import { unacknowledgedAnswersMax } from './call-memory.ts';
import type { LeaseEffect, LeaseInput } from './lease-messages.ts';
import { Leases } from './leases.ts';
import type { CallAnswer, Lease } from './protocol-messages.ts';

const slots = 2;
const leaseMs = 1_000;
const plan = { runtime: 'host', limits: { memoryMib: 1, pids: 1, cpuMillis: 1, workspaceMib: 1 } };

const kinds = [
  'registered',
  'disconnected',
  'offered',
  'sandboxReady',
  'called',
  'cancelRequested',
  'answerAcknowledged',
  'heartbeatDue',
  'heartbeatAcknowledged',
  'released',
  'sandboxFailed',
  'sandboxDied',
  'callEnded',
  'timePassed',
] as const satisfies readonly LeaseInput['type'][];
const weights: Partial<Record<(typeof kinds)[number], number>> = {
  registered: 2,
  offered: 6,
  sandboxReady: 6,
  called: 10,
  callEnded: 5,
  heartbeatDue: 4,
  heartbeatAcknowledged: 4,
};

/** One draw: what happens, to which lease, with which call. Most are about a lease that is held, so that they get somewhere. */
const steps = fc.array(
  fc.record({
    kind: fc.oneof(...kinds.map((kind) => ({ arbitrary: fc.constant(kind), weight: weights[kind] ?? 1 }))),
    isAboutHeld: fc.oneof({ arbitrary: fc.constant(true), weight: 3 }, { arbitrary: fc.constant(false), weight: 1 }),
    index: fc.nat(slots - 1),
    other: fc.record({ workId: fc.constantFrom('work_a', 'work_b', 'work_c'), token: fc.bigInt(1n, 12n) }),
    callId: fc.constantFrom('call_1', 'call_2', 'call_3', 'call_4', 'call_5', 'call_6'),
    keptMax: fc.nat(slots),
    afterMs: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: fc.nat(300), weight: 1 }),
  }),
  { minLength: 10, maxLength: 120, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer Each)[]> ? Each : never;

function inputOf(step: Step, held: readonly Lease[], running: ReadonlyMap<string, Lease>, nowMs: number): LeaseInput {
  const { kind, callId } = step;
  const [ranCallId, ranLease] = [...running][step.index] ?? [callId, step.other];
  const lease = (step.isAboutHeld ? held[step.index] : undefined) ?? step.other;
  switch (kind) {
    case 'registered':
      return { type: kind, kept: held.slice(0, step.keptMax), leaseMs, callBytesMax: 10, sentAtMs: nowMs };
    case 'disconnected':
      return { type: kind, isAnswerForeign: step.keptMax === 0 };
    case 'offered':
      return { type: kind, lease: step.other, sessionId: 'sesn_x', fit: ok(plan) };
    case 'sandboxReady':
      return { type: kind, lease, startMs: 1 };
    case 'called': {
      const call = { callId, tool: 't', argumentsJson: new Uint8Array(), deadlineMs: 1, traceparent: '' };
      return { type: kind, lease, call };
    }
    case 'cancelRequested':
      return { type: kind, lease, callId };
    case 'answerAcknowledged':
      return { type: kind, callId };
    case 'heartbeatAcknowledged':
      return { type: kind, lost: step.keptMax === 0 ? [step.other] : [] };
    case 'callEnded': {
      const about = step.isAboutHeld ? { lease: ranLease, callId: ranCallId } : { lease, callId };
      const answer = { ...about, outcome: 'done' as const, text: 'x', isError: false, code: '', durationMs: 1 };
      return { type: kind, answer };
    }
    case 'heartbeatDue':
    case 'timePassed':
      return { type: kind };
    default:
      return { type: kind, lease };
  }
}

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
        if (effect.message.type === 'answer') this.#answered(effect.message.answer);
        return;
      case 'cut':
    }
  }

  ended({ callId, lease }: CallAnswer): void {
    const ran = this.running.get(callId);
    if (ran?.workId === lease.workId && ran.token === lease.token) this.running.delete(callId);
  }

  #answered({ callId, outcome }: CallAnswer): void {
    const refusedBeside = outcome === 'refused' && this.running.has(callId);
    expect(refusedBeside, 'what runs is not refused').toBe(false);
  }
}

/** When each lease must be over at the latest: its last sign of life, and the time of a lease. */
class Signs {
  readonly lastMs = new Map<string, number>();
  readonly #heartbeats: { readonly sentAtMs: number; readonly leases: readonly Lease[] }[] = [];

  see(input: LeaseInput, effects: readonly LeaseEffect[], nowMs: number): void {
    if (input.type === 'registered' || input.type === 'disconnected') this.#heartbeats.length = 0;
    if (input.type === 'registered') for (const lease of input.kept) this.#alive(lease, nowMs);
    if (input.type === 'heartbeatAcknowledged') {
      const heartbeat = this.#heartbeats.shift();
      for (const lease of heartbeat?.leases ?? []) this.#alive(lease, heartbeat?.sentAtMs ?? 0);
    }
    for (const effect of effects) {
      if (effect.type === 'create') this.#alive(effect.lease, nowMs);
      if (effect.type === 'send' && effect.message.type === 'heartbeat')
        this.#heartbeats.push({ sentAtMs: nowMs, leases: effect.message.leases });
    }
  }

  of(lease: Lease): number {
    return this.lastMs.get(`${lease.workId} ${lease.token}`) ?? -Infinity;
  }

  #alive(lease: Lease, atMs: number): void {
    this.lastMs.set(`${lease.workId} ${lease.token}`, Math.max(atMs, this.of(lease)));
  }
}

describe('the leases of an executor, whatever comes in whatever order', () => {
  it('hold their invariants', () => {
    const reached = { run: 0, expired: 0 };
    fc.assert(
      fc.property(steps, (sequence) => {
        const subject = new Leases(slots);
        const world = new World();
        const signs = new Signs();
        let nowMs = 0;
        const apply = (input: LeaseInput) => {
          if (input.type === 'registered') world.isConnected = true;
          const effects = subject.handle(input, nowMs);
          signs.see(input, effects, nowMs);
          for (const effect of effects) {
            world.apply(effect);
            if (effect.type === 'run') reached.run += 1;
            if (effect.type === 'destroy' && effect.end === 'lease_expired') reached.expired += 1;
          }
          if (input.type === 'callEnded') world.ended(input.answer);
          if (input.type === 'disconnected') world.isConnected = false;
          for (const lease of world.destroying.splice(0)) subject.handle({ type: 'sandboxGone', lease }, nowMs);
        };
        apply({ type: 'registered', kept: [], leaseMs, callBytesMax: 10, sentAtMs: 0 });
        for (const step of sequence) {
          nowMs += step.afterMs;
          const input = inputOf(step, subject.held(), world.running, nowMs);
          // Without a stream nobody asks.
          const asks = ['offered', 'called', 'cancelRequested', 'answerAcknowledged', 'released'];
          if (!world.isConnected && asks.includes(input.type)) continue;
          apply(input);
          const held = subject.held();
          expect(new Map(held.map(({ workId, token }) => [workId, token]))).toEqual(world.alive);
          expect(held.length).toBeLessThanOrEqual(slots);
          expect(subject.answersUnacknowledged).toBeLessThanOrEqual(unacknowledgedAnswersMax + slots);
          for (const lease of held) expect(nowMs).toBeLessThan(signs.of(lease) + leaseMs);
        }
        nowMs += leaseMs;
        apply({ type: 'timePassed' });
        expect(world.alive.size).toBe(0);
        expect(world.running.size).toBe(0);
      }),
      { numRuns: 1_000 },
    );
    // The draws get somewhere.
    expect(reached.run).toBeGreaterThan(200);
    expect(reached.expired).toBeGreaterThan(50);
  });
});
