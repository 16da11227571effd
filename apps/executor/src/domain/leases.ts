import { CallMemory } from './call-memory.ts';
import type { LeaseEffect, LeaseEnd, LeaseInput } from './lease-messages.ts';
import type { CallAnswer, CallRequest, ExecutorMessage, Lease, SandboxLossReason } from './protocol-messages.ts';

/** Tokens of work items that are remembered, so that a late message of an old claim changes nothing. */
const fencesMax = 4_096;
/** Heartbeats without an answer; then the scheduler is taken for dead. */
const heartbeatsUnacknowledgedMax = 64;
/** A lease ends here before it ends there: this part of it is left to kill what runs. */
const killingShare = 0.1;

const lossReasons: Partial<Record<LeaseEnd, SandboxLossReason>> = {
  start_failed: 'start_failed',
  sandbox_died: 'sandbox_died',
  executor_stopping: 'executor_stopping',
  // The protocol has no word for it; that the sandbox is gone with everything in it is what counts.
  lease_expired: 'sandbox_died',
};

interface HeldLease {
  readonly lease: Lease;
  isReady: boolean;
  startMs: number;
  endsAtMs: number;
  callId: string | undefined;
  /** The scheduler has called, so it knows that the sandbox is ready. */
  wasCalled: boolean;
}

interface Connection {
  readonly leaseMs: number;
  readonly callBytesMax: number;
  creditsSent: number | undefined;
  /** A declined offer may have cost us the scheduler's trust in our credits: they are said again, not at once. */
  hasDeclined: boolean;
  readonly heartbeats: { readonly sentAtMs: number; readonly leases: readonly Lease[] }[];
}

/**
 * The leases of one executor, as a state machine without clock and sandboxes: takes what happens and the time on a monotonic clock, gives what is to
 * be done. One lease for each work item; one call in flight for each lease; a call id runs once. A lease that no acknowledged heartbeat has renewed
 * ends by itself, so that an executor that is cut off never runs a session that was given to another.
 */
export class Leases {
  readonly #slots: number;
  readonly #held = new Map<string, HeldLease>();
  /** Sandboxes that are being destroyed; each still takes its slot. */
  readonly #ending = new Set<string>();
  readonly #fences = new Map<string, bigint>();
  readonly #calls = new CallMemory();
  #connection: Connection | undefined;
  #isDraining = false;
  #effects: LeaseEffect[] = [];

  constructor(slots: number) {
    this.#slots = slots;
  }

  held(): readonly Lease[] {
    return [...this.#held.values()].map(({ lease }) => lease);
  }

  get callsInFlight(): number {
    let calls = 0;
    for (const { callId } of this.#held.values()) if (callId !== undefined) calls += 1;
    return calls;
  }

  get answersUnacknowledged(): number {
    return this.#calls.unacknowledged().length;
  }

  /** When the next lease ends unless a heartbeat is acknowledged before. */
  get nextEndMs(): number | undefined {
    let next: number | undefined;
    for (const { endsAtMs } of this.#held.values()) next = Math.min(next ?? endsAtMs, endsAtMs);
    return next;
  }

  handle(input: LeaseInput, nowMs: number): readonly LeaseEffect[] {
    this.#effects = [];
    // Before anything else: a process that was stopped must not act on a lease that has ended meanwhile.
    for (const held of this.#held.values()) if (nowMs >= held.endsAtMs) this.#end(held, 'lease_expired');
    this.#apply(input, nowMs);
    this.#sendCredits();
    return this.#effects;
  }

  #apply(input: LeaseInput, nowMs: number): void {
    switch (input.type) {
      case 'registered':
        return this.#registered(input);
      case 'disconnected':
        this.#connection = undefined;
        // Said again, it would end the next stream too.
        if (input.isAnswerForeign) this.#calls.giveUp((workId) => this.#held.has(workId));
        return;
      case 'offered':
        return this.#offered(input, nowMs);
      case 'called':
        return this.#called(input.lease, input.call);
      case 'cancelRequested': {
        const held = this.#find(input.lease);
        if (held?.callId === input.callId) this.#do({ type: 'abort', callId: input.callId, cause: 'cancelled' });
        return;
      }
      case 'answerAcknowledged':
        return this.#calls.acknowledge(input.callId, (workId) => this.#held.has(workId));
      case 'heartbeatDue':
        return this.#heartbeat(nowMs);
      case 'heartbeatAcknowledged':
        return this.#heartbeatAcknowledged(input.lost);
      case 'released':
        return this.#endIfHeld(input.lease, 'lease_released');
      case 'drainStarted':
        if (!this.#isDraining) this.#send({ type: 'draining' });
        this.#isDraining = true;
        return;
      case 'stopped':
        this.#isDraining = true;
        for (const held of this.#held.values()) this.#end(held, 'executor_stopping');
        return;
      default:
        return this.#sandboxOrCall(input);
    }
  }

  #sandboxOrCall(
    input: Extract<
      LeaseInput,
      { type: 'sandboxReady' | 'sandboxFailed' | 'sandboxDied' | 'sandboxGone' | 'callEnded' | 'timePassed' }
    >,
  ): void {
    switch (input.type) {
      case 'sandboxReady': {
        const held = this.#find(input.lease);
        if (held === undefined || held.isReady) return;
        held.isReady = true;
        held.startMs = input.startMs;
        this.#send({ type: 'sandboxReady', lease: held.lease, startMs: held.startMs });
        return;
      }
      case 'sandboxFailed':
        return this.#endIfHeld(input.lease, 'start_failed');
      case 'sandboxDied':
        return this.#endIfHeld(input.lease, 'sandbox_died');
      case 'sandboxGone':
        this.#ending.delete(nameOf(input.lease));
        return;
      case 'callEnded': {
        const held = this.#find(input.answer.lease);
        if (held?.callId !== input.answer.callId || held === undefined) return;
        held.callId = undefined;
        return this.#answer(input.answer);
      }
      case 'timePassed':
    }
  }

  #registered({ kept, leaseMs, callBytesMax, sentAtMs }: Extract<LeaseInput, { type: 'registered' }>): void {
    this.#connection = { leaseMs, callBytesMax, creditsSent: undefined, hasDeclined: false, heartbeats: [] };
    for (const held of this.#held.values()) {
      if (!kept.some((lease) => isSame(lease, held.lease))) this.#end(held, 'lease_not_kept');
      else held.endsAtMs = Math.max(held.endsAtMs, endOf(sentAtMs, leaseMs));
    }
    for (const lease of kept) {
      const held = this.#find(lease);
      // It died between our `register` and this.
      if (held === undefined) this.#send({ type: 'sandboxLost', lease, reason: 'sandbox_died' });
      else if (held.isReady && !held.wasCalled)
        this.#send({ type: 'sandboxReady', lease: held.lease, startMs: held.startMs });
    }
    for (const answer of this.#calls.unacknowledged()) this.#send({ type: 'answer', answer });
    if (this.#isDraining) this.#send({ type: 'draining' });
  }

  #offered({ lease, sessionId, fit }: Extract<LeaseInput, { type: 'offered' }>, nowMs: number): void {
    const held = this.#held.get(lease.workId);
    if (held !== undefined && isSame(held.lease, lease)) {
      this.#send({ type: 'accept', lease });
      if (held.isReady) this.#send({ type: 'sandboxReady', lease, startMs: held.startMs });
      return;
    }
    if (lease.token <= (this.#fences.get(lease.workId) ?? 0n)) return this.#decline(lease, 'lease_stale');
    this.#fence(lease.workId, lease.token - 1n);
    if (held !== undefined) this.#end(held, 'lease_replaced');
    const connection = this.#connection;
    if (this.#isDraining || connection === undefined) return this.#decline(lease, 'draining');
    if (!fit.ok) return this.#decline(lease, fit.reason);
    // The sandbox that is replaced is gone before the next one begins: one slot for both.
    const takenByOthers = this.#held.size + this.#ending.size - (held === undefined ? 0 : 1);
    if (takenByOthers >= this.#slots) return this.#decline(lease, 'no_capacity');
    const endsAtMs = endOf(nowMs, connection.leaseMs);
    this.#held.set(lease.workId, {
      lease,
      isReady: false,
      startMs: 0,
      endsAtMs,
      callId: undefined,
      wasCalled: false,
    });
    this.#fence(lease.workId, lease.token);
    this.#send({ type: 'accept', lease });
    this.#do({ type: 'create', lease, sessionId, plan: fit.value });
  }

  #called(lease: Lease, call: CallRequest): void {
    const held = this.#find(lease);
    if (held !== undefined) held.wasCalled = true;
    // It runs, whichever lease this is about: its answer comes.
    if (this.#isRunning(call.callId)) return;
    const known = this.#calls.recall(call.callId);
    if (known?.type === 'forgotten') return this.#sendAnswer(lease, call, 'lost', 'answer_forgotten');
    if (known !== undefined) {
      // Refused under another claim, so never run: this claim may.
      const mayRun = held !== undefined && known.answer.outcome === 'refused' && !isSame(known.answer.lease, lease);
      if (!mayRun) return this.#send({ type: 'answer', answer: known.answer });
    }
    const refusal = this.#refusalOf(held);
    if (refusal !== undefined) return this.#sendAnswer(lease, call, 'refused', refusal);
    if (held === undefined || this.#connection === undefined) return;
    this.#calls.drop(call.callId);
    held.callId = call.callId;
    this.#do({ type: 'run', lease: held.lease, call, bytesMax: this.#connection.callBytesMax });
  }

  #isRunning(callId: string): boolean {
    for (const held of this.#held.values()) if (held.callId === callId) return true;
    return false;
  }

  #refusalOf(held: HeldLease | undefined): string | undefined {
    if (held === undefined) return 'lease_unknown';
    if (!held.isReady) return 'sandbox_not_ready';
    if (held.callId !== undefined) return 'call_in_flight';
    if (this.#isDraining) return 'executor_stopping';
    return this.#calls.hasRoom ? undefined : 'answers_unacknowledged';
  }

  #heartbeat(nowMs: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { heartbeats, leaseMs } = connection;
    const [oldest] = heartbeats;
    if (oldest !== undefined) {
      // In time for the leases to be kept over a new stream.
      const isOverdue = nowMs >= oldest.sentAtMs + leaseMs / 2 || heartbeats.length >= heartbeatsUnacknowledgedMax;
      if (isOverdue) return this.#do({ type: 'cut', reason: 'heartbeat_unacknowledged' });
    }
    if (connection.hasDeclined) connection.creditsSent = undefined;
    connection.hasDeclined = false;
    const leases = this.held();
    heartbeats.push({ sentAtMs: nowMs, leases });
    this.#send({ type: 'heartbeat', leases });
  }

  /** Leases run from when the heartbeat was sent, which is before the scheduler begins to count. */
  #heartbeatAcknowledged(lost: readonly Lease[]): void {
    const connection = this.#connection;
    const acknowledged = connection?.heartbeats.shift();
    for (const lease of lost) this.#endIfHeld(lease, 'lease_not_kept');
    if (connection === undefined || acknowledged === undefined) return;
    const endsAtMs = endOf(acknowledged.sentAtMs, connection.leaseMs);
    for (const lease of acknowledged.leases) {
      const held = this.#find(lease);
      if (held !== undefined) held.endsAtMs = Math.max(held.endsAtMs, endsAtMs);
    }
  }

  #endIfHeld(lease: Lease, end: LeaseEnd): void {
    const held = this.#find(lease);
    if (held !== undefined) this.#end(held, end);
  }

  #end(held: HeldLease, end: LeaseEnd): void {
    const { lease, callId } = held;
    this.#held.delete(lease.workId);
    this.#ending.add(nameOf(lease));
    if (callId !== undefined) {
      this.#do({ type: 'abort', callId, cause: 'lease_over' });
      this.#answer({ lease, callId, outcome: 'lost', text: '', isError: true, code: end, durationMs: 0 });
    }
    this.#calls.leaseOver(lease.workId);
    const reason = lossReasons[end];
    if (reason !== undefined) this.#send({ type: 'sandboxLost', lease, reason });
    this.#do({ type: 'destroy', lease, end });
  }

  #find(lease: Lease): HeldLease | undefined {
    const held = this.#held.get(lease.workId);
    return held !== undefined && isSame(held.lease, lease) ? held : undefined;
  }

  /** From here on this token of the work item and all before it are old. */
  #fence(workId: string, token: bigint): void {
    this.#fences.delete(workId);
    this.#fences.set(workId, token);
    if (this.#fences.size <= fencesMax) return;
    for (const workId of this.#fences.keys()) {
      if (this.#held.has(workId)) continue;
      this.#fences.delete(workId);
      return;
    }
  }

  #answer(answer: CallAnswer): void {
    this.#calls.keep(answer);
    this.#send({ type: 'answer', answer });
  }

  /** An answer that the executor gives itself. Kept like any other while there is room. */
  #sendAnswer(lease: Lease, { callId }: CallRequest, outcome: 'lost' | 'refused', code: string): void {
    const answer: CallAnswer = { lease, callId, outcome, text: '', isError: true, code, durationMs: 0 };
    if (outcome === 'refused' && this.#calls.hasRoom && this.#calls.recall(callId) === undefined) this.#answer(answer);
    else this.#send({ type: 'answer', answer });
  }

  #decline(lease: Lease, reason: string): void {
    if (this.#connection !== undefined) this.#connection.hasDeclined = true;
    this.#send({ type: 'decline', lease, reason });
  }

  #sendCredits(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const free = this.#isDraining ? 0 : Math.max(0, this.#slots - this.#held.size - this.#ending.size);
    if (free === connection.creditsSent) return;
    connection.creditsSent = free;
    this.#send({ type: 'credits', offers: free });
  }

  /** What cannot be sent now is said by what is kept: leases in `register`, answers until they are acknowledged. */
  #send(message: ExecutorMessage): void {
    if (this.#connection !== undefined) this.#do({ type: 'send', message });
  }

  #do(effect: LeaseEffect): void {
    this.#effects.push(effect);
  }
}

function isSame(one: Lease, other: Lease): boolean {
  return one.workId === other.workId && one.token === other.token;
}

function nameOf({ workId, token }: Lease): string {
  return `${workId}#${token}`;
}

function endOf(beginMs: number, leaseMs: number): number {
  return beginMs + leaseMs * (1 - killingShare);
}
