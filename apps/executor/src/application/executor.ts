import type { LeaseEffect, LeaseInput } from '../domain/lease-messages.ts';
import { Leases } from '../domain/leases.ts';
import { fitOffer, type Offering } from '../domain/offer-fit.ts';
import type { CallAnswer, Lease, Registered, SchedulerMessage } from '../domain/protocol-messages.ts';
import type { MonotonicClock } from '../ports/monotonic-clock.ts';
import type { SchedulerEvents, SchedulerLink } from '../ports/scheduler-link.ts';
import type { ExecutorSignals } from '../signals.ts';
import type { CallEvents, CallRuns } from './call-runs.ts';
import type { SandboxEvents, SessionSandboxes } from './session-sandboxes.ts';

/** For sandboxes to be destroyed, the last answers to be acknowledged, and the stream to end; each. */
const closingMsMax = 1_000;

export interface ExecutorParts {
  readonly link: SchedulerLink;
  readonly sandboxes: SessionSandboxes;
  readonly runs: CallRuns;
  readonly clock: MonotonicClock;
  readonly signals: ExecutorSignals;
  /** The scheduler wants this executor to finish. */
  readonly onDrain: () => void;
}

/** Lets the leases decide and does what they say: between the scheduler's stream, the sandboxes and the calls. */
export class Executor implements SchedulerEvents, SandboxEvents, CallEvents {
  readonly #parts: ExecutorParts;
  readonly #offering: Offering;
  readonly #leases: Leases;
  #heartbeat: NodeJS.Timeout | undefined;
  #nextEnd: NodeJS.Timeout | undefined;
  #isStopped = false;
  #waiting: (() => void)[] = [];
  #onRegistered: (nothing: undefined) => void = () => undefined;
  /** Resolves at the first registration. */
  readonly registeredOnce = new Promise<undefined>((resolve) => (this.#onRegistered = resolve));

  constructor(parts: ExecutorParts, offering: Offering, slots: number) {
    this.#parts = parts;
    this.#offering = offering;
    this.#leases = new Leases(slots);
  }

  /** Resolves with nothing after `stop`, with a line for a person where the scheduler refuses for good. */
  run(): Promise<string | undefined> {
    return this.#parts.link.run(this);
  }

  /** Takes no more work, lets calls finish for `callsMs`, destroys every sandbox, tells the scheduler, and leaves. */
  async stop(callsMs: number): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#handle({ type: 'drainStarted' });
    await this.#until(() => this.#leases.callsInFlight === 0, callsMs);
    this.#handle({ type: 'stopped' });
    await this.#parts.sandboxes.close(closingMsMax);
    await this.#until(() => this.#leases.answersUnacknowledged === 0, closingMsMax);
    await this.#parts.link.stop(closingMsMax);
    clearInterval(this.#heartbeat);
    clearTimeout(this.#nextEnd);
  }

  held(): readonly Lease[] {
    this.#handle({ type: 'timePassed' });
    return this.#leases.held();
  }

  registered({ kept, leaseMs, callBytesMax, heartbeatMs }: Registered, sentAtMs: number): void {
    this.#handle({ type: 'registered', kept, leaseMs, callBytesMax, sentAtMs });
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#handle({ type: 'heartbeatDue' }), heartbeatMs);
    this.#onRegistered(undefined);
  }

  received(message: Exclude<SchedulerMessage, { readonly type: 'registered' }>): void {
    switch (message.type) {
      case 'offer': {
        const { lease, sessionId, requirements } = message;
        return this.#handle({ type: 'offered', lease, sessionId, fit: fitOffer(requirements, this.#offering) });
      }
      case 'call':
        return this.#handle({ type: 'called', lease: message.lease, call: message.call });
      case 'cancel':
        return this.#handle({ type: 'cancelRequested', lease: message.lease, callId: message.callId });
      case 'answerAcknowledged':
        return this.#handle({ type: 'answerAcknowledged', callId: message.callId });
      case 'heartbeatAcknowledged':
        return this.#handle({ type: 'heartbeatAcknowledged', lost: message.lost });
      case 'release':
        return this.#handle({ type: 'released', lease: message.lease });
      case 'drain':
        this.#handle({ type: 'drainStarted' });
        this.#parts.signals.drainAsked();
        return this.#parts.onDrain();
      default:
        message satisfies never;
    }
  }

  writable(): void {
    this.#parts.runs.writable();
  }

  disconnected(reason: string | undefined): void {
    clearInterval(this.#heartbeat);
    this.#parts.runs.disconnected();
    this.#handle({ type: 'disconnected', isAnswerForeign: reason === 'foreign_answer' });
  }

  sandboxReady(lease: Lease, startMs: number): void {
    this.#handle({ type: 'sandboxReady', lease, startMs });
  }

  sandboxFailed(lease: Lease): void {
    this.#handle({ type: 'sandboxFailed', lease });
  }

  sandboxDied(lease: Lease): void {
    this.#handle({ type: 'sandboxDied', lease });
  }

  sandboxGone(lease: Lease): void {
    this.#handle({ type: 'sandboxGone', lease });
  }

  callEnded(answer: CallAnswer): void {
    this.#handle({ type: 'callEnded', answer });
  }

  callStuck(lease: Lease): void {
    this.#handle({ type: 'sandboxDied', lease });
  }

  output(lease: Lease, callId: string, data: Uint8Array): boolean {
    return this.#parts.link.send({ type: 'output', lease, callId, data });
  }

  #handle(input: LeaseInput): void {
    for (const effect of this.#leases.handle(input, this.#parts.clock.nowMs())) this.#do(effect);
    this.#awaitNextEnd();
    this.#wake();
  }

  #do(effect: LeaseEffect): void {
    const { link, sandboxes, runs, signals } = this.#parts;
    switch (effect.type) {
      case 'send':
        link.send(effect.message);
        return;
      case 'create':
        signals.leaseTaken(effect.lease, effect.sessionId);
        return sandboxes.create(effect.lease, effect.sessionId, effect.plan, this);
      case 'destroy':
        signals.leaseEnded(effect.lease, effect.end);
        return sandboxes.destroy(effect.lease, this);
      case 'run': {
        const { lease, call, bytesMax } = effect;
        return runs.start({ lease, call, bytesMax, sandbox: sandboxes.find(lease) }, this);
      }
      case 'abort':
        return runs.abort(effect.callId, effect.cause);
      case 'cut':
        return link.cut(effect.reason);
      default:
        effect satisfies never;
    }
  }

  #awaitNextEnd(): void {
    clearTimeout(this.#nextEnd);
    const { nextEndMs } = this.#leases;
    if (nextEndMs === undefined) return;
    const delayMs = Math.max(1, Math.ceil(nextEndMs - this.#parts.clock.nowMs()));
    this.#nextEnd = setTimeout(() => this.#handle({ type: 'timePassed' }), delayMs);
  }

  /** Resolves when the condition holds, asked after whatever happens, or when `msMax` have passed. */
  async #until(holds: () => boolean, msMax: number): Promise<void> {
    const endsAtMs = this.#parts.clock.nowMs() + msMax;
    const timer = setTimeout(() => this.#wake(), msMax + 1);
    while (!holds() && this.#parts.clock.nowMs() < endsAtMs) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    clearTimeout(timer);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
