import type { CallSandbox } from '@sallyport/audit-events';
import { type AnswerSeen, endFromAnswer } from '../domain/answer-end.ts';
import type { LeaseEnd } from '../domain/work-item.ts';
import type { EnvironmentView } from '../ports/environments.ts';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { SessionView } from '../ports/sessions.ts';
import type { HeldLease, Lease } from '../ports/work-queue.ts';
import { endMessage, goneNotice } from './end-messages.ts';
import type { ToolCall } from './tool-call.ts';

export type ExecutorFacts = NonNullable<CallSandbox['executor']>;

export interface Answer extends AnswerSeen {
  readonly text: string;
}

export interface LaneLimits {
  /** Calls that wait for their turn. */
  readonly callsWaitingMax: number;
  /** How long a call waits for a sandbox. */
  readonly placeMsMax: number;
  /** How long an executor may take to obey a cancellation, and to answer past its deadline. */
  readonly obeyMsMax: number;
  /** How long a sandbox stays without a call. */
  readonly idleMsMax: number;
}

/** What a lane needs from around it. */
export interface LaneSurroundings {
  readonly link: ExecutorLink;
  /** Asks for a sandbox: queues a work item unless there is one. */
  readonly wantSandbox: (lane: Lane) => void;
  /** Nobody waits for a sandbox any more. */
  readonly wantNoSandbox: (lane: Lane) => void;
  /** Ends the lease in the queue and at the executor. */
  readonly endLease: (lease: Lease, reason: LeaseEnd) => void;
  readonly callEnded: (call: ToolCall) => void;
  readonly idle: (lane: Lane) => void;
}

interface Held {
  readonly lease: Lease;
  executor: ExecutorFacts;
  isReady: boolean;
}

const sessionEnded = [
  { status: 'not_placed', effect: 'none', code: 'session_ended' },
  { text: '', isError: true, message: endMessage('session_ended') },
] as const;

/** A session's calls, one after the other, and the sandbox that they run in. */
export class Lane {
  readonly session: SessionView;
  readonly environment: EnvironmentView;
  readonly #limits: LaneLimits;
  readonly #around: LaneSurroundings;
  readonly #waiting: ToolCall[] = [];
  #current: ToolCall | undefined;
  #held: Held | undefined;
  #onReady: ((held: Held | undefined) => void) | undefined;
  /** Why the last sandbox went, until the agent has been told. */
  #gone: LeaseEnd | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `noticeOwed`: why an earlier sandbox went, where the agent has not been told. */
  constructor(
    session: SessionView,
    environment: EnvironmentView,
    limits: LaneLimits,
    around: LaneSurroundings,
    noticeOwed?: LeaseEnd,
  ) {
    this.session = session;
    this.environment = environment;
    this.#limits = limits;
    this.#around = around;
    this.#gone = noticeOwed;
  }

  get lease(): Lease | undefined {
    return this.#held?.lease;
  }

  /** A call waits for a sandbox that is not there. */
  get needsSandbox(): boolean {
    if (this.#isClosed || this.#held !== undefined) return false;
    return this.#waiting.length > 0 || this.#onReady !== undefined;
  }

  /** The sandbox runs. */
  get isReady(): boolean {
    return this.#held?.isReady === true;
  }

  get isIdle(): boolean {
    return this.#current === undefined && this.#waiting.length === 0;
  }

  /** Why the last sandbox went, where the agent has not been told yet. */
  get noticeOwed(): LeaseEnd | undefined {
    return this.#gone;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get calls(): readonly ToolCall[] {
    return this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting];
  }

  /** Whether the session takes one more call. */
  get hasRoom(): boolean {
    return this.#waiting.length < this.#limits.callsWaitingMax;
  }

  /** The call runs when those before it have ended. */
  submit(call: ToolCall): void {
    clearTimeout(this.#idleTimer);
    const onAbort = () => this.#cancel(call);
    call.request.signal.addEventListener('abort', onAbort, { once: true });
    void call.ended.then(() => {
      call.request.signal.removeEventListener('abort', onAbort);
      this.#around.callEnded(call);
    });
    if (this.#isClosed) void call.end('failed', ...sessionEnded);
    else if (this.#current === undefined) void this.#run(call);
    else {
      this.#waiting.push(call);
      void call.begin().then((recorded) => {
        if (!recorded) this.#abandon(call);
      });
    }
    if (call.request.signal.aborted) onAbort();
  }

  /** A claim was made for the session. */
  leaseClaimed(lease: Lease, executor: ExecutorFacts, isReady = false): void {
    this.#held = { lease, executor, isReady };
    if (isReady) this.#armIdle();
  }

  sandboxReady(token: number): void {
    const held = this.#held;
    if (held?.lease.token !== token) return;
    held.isReady = true;
    const onReady = this.#onReady;
    this.#onReady = undefined;
    if (onReady === undefined) this.#armIdle();
    else onReady(held);
  }

  /** The claim is over, and with it the sandbox. A call that was given to it cannot be answered any more. */
  leaseEnded(token: number, reason: LeaseEnd): void {
    const held = this.#held;
    if (held?.lease.token !== token) return;
    this.#held = undefined;
    clearTimeout(this.#idleTimer);
    if (held.isReady) this.#gone = reason;
    const call = this.#current;
    if (call?.lease?.token === token) void this.#lose(call, reason);
  }

  /** The executor is connected again: what it may not have got is sent again; it knows calls by their ids. */
  reconnected(executor: ExecutorFacts): void {
    if (this.#held !== undefined) this.#held.executor = executor;
    const call = this.#current;
    if (call !== undefined && !call.isEnding && call.lease?.token === this.#held?.lease.token) this.#send(call);
  }

  output(callId: string, data: Uint8Array): void {
    if (this.#current?.id === callId && !this.#current.isEnding) this.#current.request.onOutput(data);
  }

  /** False where the call is not the one that this claim was given. */
  async answer(lease: HeldLease, callId: string, answer: Answer): Promise<boolean> {
    const call = this.#current;
    if (call?.id !== callId || call.lease?.token !== lease.token || call.isEnding) return false;
    const { phase, status, code, effect } = endFromAnswer(answer);
    const gone = this.#gone;
    if (phase === 'completed' || status === 'tool_error') this.#gone = undefined;
    const text = gone === undefined || answer.text === '' ? answer.text : `${goneNotice(gone)}\n${answer.text}`;
    const told = { text, isError: phase !== 'completed', message: endMessage(code) };
    call.wasAnswered = true;
    await call.end(phase, { status, effect, code }, told);
    if (answer.outcome === 'refused' && code === 'lease_unknown') this.#giveUp('sandbox_died');
    return true;
  }

  /** The session has ended: nothing runs in it any more. */
  close(reason: LeaseEnd): void {
    this.#isClosed = true;
    for (const call of this.#waiting.splice(0)) void call.end('failed', ...sessionEnded);
    if (this.#current?.lease === undefined) void this.#current?.end('failed', ...sessionEnded);
    this.#giveUp(reason);
    this.#onReady?.(undefined);
  }

  async #run(call: ToolCall): Promise<void> {
    this.#current = call;
    clearTimeout(this.#idleTimer);
    try {
      await this.#start(call);
      if (!call.isEnding) await this.#untilEnd(call);
    } finally {
      await call.ended;
      this.#current = undefined;
      const next = this.#waiting.shift();
      if (next !== undefined) void this.#run(next);
      else if (this.#held === undefined) {
        this.#around.wantNoSandbox(this);
        this.#around.idle(this);
      } else this.#armIdle();
    }
  }

  /** Records the call and gives it to the sandbox, as soon as there is one. */
  async #start(call: ToolCall): Promise<void> {
    const atOnce = !call.hasBegun && this.#held?.isReady === true ? this.#held : undefined;
    if (!(await call.begin(atOnce))) return this.#abandon(call);
    if (call.isEnding) return undefined;
    if (atOnce !== undefined) {
      if (this.#held === atOnce) this.#send(call);
      else await this.#lose(call, this.#gone ?? 'lease_expired');
      return undefined;
    }
    const held = await this.#sandbox(call);
    if (held === undefined || call.isEnding) return undefined;
    if (!(await call.dispatch(held))) return this.#abandon(call);
    if (call.isEnding) return undefined;
    if (this.#held === held) this.#send(call);
    else await this.#lose(call, this.#gone ?? 'lease_expired');
    return undefined;
  }

  /** Waits for a sandbox, at most `placeMsMax`. Undefined: the call has been ended. */
  async #sandbox(call: ToolCall): Promise<Held | undefined> {
    if (this.#held?.isReady === true) return this.#held;
    const { promise, resolve } = Promise.withResolvers<Held | undefined>();
    this.#onReady = resolve;
    if (this.#held === undefined) this.#around.wantSandbox(this);
    const timer = setTimeout(() => resolve(undefined), this.#limits.placeMsMax);
    void call.ended.then(() => resolve(undefined));
    const held = await promise;
    clearTimeout(timer);
    this.#onReady = undefined;
    if (held === undefined && !call.isEnding) {
      const told = { text: '', isError: true, message: endMessage('no_executor') };
      await call.end('failed', { status: 'not_placed', effect: 'none', code: 'no_executor' }, told);
    }
    return held;
  }

  /** Whatever happens, a dispatched call ends: by its answer, its deadline, or the end of the lease. */
  async #untilEnd(call: ToolCall): Promise<void> {
    const { deadlineMs } = call.request;
    const timer = setTimeout(() => {
      this.#tellToStop(call);
      this.#overdue = setTimeout(() => void this.#outOfTime(call), this.#limits.obeyMsMax);
    }, deadlineMs);
    await call.ended;
    clearTimeout(timer);
    clearTimeout(this.#overdue);
  }
  async #outOfTime(call: ToolCall): Promise<void> {
    const told = { text: '', isError: true, message: endMessage('call_deadline') };
    const ending = { status: 'deadline', effect: 'unknown', code: 'call_deadline', cancelForwarded: true } as const;
    await call.end('timed_out', ending, told);
    this.#giveUp('executor_unresponsive');
  }

  #cancel(call: ToolCall): void {
    if (call.isEnding) return;
    const message = endMessage('cancelled');
    const told = { text: '', isError: true, message };
    if (call.lease === undefined) {
      const at = this.#waiting.indexOf(call);
      if (at >= 0) this.#waiting.splice(at, 1);
      void call.end('cancelled', { status: 'client_cancelled', effect: 'none' }, told);
      return;
    }
    this.#tellToStop(call);
    setTimeout(() => {
      if (call.isEnding) return;
      const ending = { status: 'client_cancelled', effect: 'unknown', cancelForwarded: true } as const;
      void call.end('cancelled', ending, told).then(() => this.#giveUp('executor_unresponsive'));
    }, this.#limits.obeyMsMax).unref();
  }

  async #lose(call: ToolCall, reason: LeaseEnd): Promise<void> {
    if (reason === 'sandbox_died' || reason === 'executor_stopping' || reason === 'session_ended') {
      const told = { text: '', isError: true, message: endMessage(reason) };
      await call.end('failed', { status: 'sandbox_lost', effect: 'unknown', code: reason }, told);
    } else await call.orphan(reason, endMessage(reason));
  }

  #abandon(call: ToolCall): void {
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
    call.abandon('audit_unavailable', endMessage('audit_unavailable'));
  }

  #send(call: ToolCall): void {
    const { lease } = call;
    if (lease === undefined) return;
    const { callId, tool, argumentsJson, deadlineMs, signal } = call.request;
    const { traceparent } = call.record;
    this.#around.link.call(lease.executorId, { lease, callId, tool, argumentsJson, deadlineMs, traceparent });
    if (signal.aborted) this.#tellToStop(call);
  }

  #tellToStop(call: ToolCall): void {
    if (call.lease !== undefined) this.#around.link.cancel(call.lease.executorId, call.lease, call.id);
  }

  #giveUp(reason: LeaseEnd): void {
    if (this.#held !== undefined) this.#around.endLease(this.#held.lease, reason);
  }

  #armIdle(): void {
    clearTimeout(this.#idleTimer);
    if (!this.isIdle || this.#held === undefined) return;
    this.#idleTimer = setTimeout(() => {
      if (this.isIdle) this.#giveUp('session_idle');
    }, this.#limits.idleMsMax).unref();
  }
}
