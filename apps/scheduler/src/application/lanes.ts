import type { EnvironmentView } from '../ports/environments.ts';
import type { SessionView } from '../ports/sessions.ts';
import type { JournalledCall } from '../ports/call-journal.ts';
import type { HeldLease, Lease } from '../ports/work-queue.ts';
import type { LeaseEnd } from '../domain/work-item.ts';
import { type ExecutorFacts, Lane, type LaneLimits, type LaneSurroundings } from './lane.ts';
import type { ToolCall } from './tool-call.ts';

/** A call that has ended, as long as something late may still come for it. */
export interface EndedCall {
  readonly record: JournalledCall;
  nextSeq: number;
  readonly executorId: string | undefined;
  readonly token: number | undefined;
  /** The answer that comes now is the one that ended it, or was noted as late already. */
  answered: boolean;
}

const endedCallsMax = 10_000;
/** Sessions without a lane whose agents have not been told yet that their sandbox is gone. */
const noticesOwedMax = 10_000;

/** The sessions that have calls or a sandbox, by session and by call. */
export class Lanes {
  readonly #limits: LaneLimits;
  readonly #surroundings: Omit<LaneSurroundings, 'callEnded' | 'idle'>;
  readonly #bySession = new Map<string, Lane>();
  readonly #byCall = new Map<string, Lane>();
  readonly #byWork = new Map<string, Lane>();
  readonly #noticesOwed = new Map<string, LeaseEnd>();
  readonly #ended = new Map<string, EndedCall>();
  readonly #onEnded: (call: ToolCall) => void;

  constructor(
    limits: LaneLimits,
    surroundings: Omit<LaneSurroundings, 'callEnded' | 'idle'>,
    onEnded: (call: ToolCall) => void,
  ) {
    this.#limits = limits;
    this.#surroundings = surroundings;
    this.#onEnded = onEnded;
  }

  find(sessionId: string): Lane | undefined {
    return this.#bySession.get(sessionId);
  }

  open(session: SessionView, environment: EnvironmentView): Lane {
    const known = this.#bySession.get(session.sessionId);
    if (known !== undefined) return known;
    const around = {
      ...this.#surroundings,
      callEnded: (call: ToolCall) => this.#callEnded(call),
      idle: (idle: Lane) => this.#forget(idle),
    };
    const lane = new Lane(session, environment, this.#limits, around, this.#noticesOwed.get(session.sessionId));
    this.#noticesOwed.delete(session.sessionId);
    this.#bySession.set(session.sessionId, lane);
    return lane;
  }

  /** A claim was made for the lane's session. */
  leaseClaimed(lane: Lane, lease: Lease, executor: ExecutorFacts, isReady = false): void {
    this.#byWork.set(lease.workId, lane);
    lane.leaseClaimed(lease, executor, isReady);
  }

  leaseEnded(lane: Lane, { workId, token }: HeldLease, reason: LeaseEnd): void {
    this.#byWork.delete(workId);
    lane.leaseEnded(token, reason);
    this.#forget(lane);
  }

  /** The session has ended: nothing of it is kept. */
  close(sessionId: string): void {
    const lane = this.#bySession.get(sessionId);
    lane?.close('session_ended');
    if (lane !== undefined) this.#forget(lane);
    this.#noticesOwed.delete(sessionId);
  }

  submit(lane: Lane, call: ToolCall): void {
    this.#byCall.set(call.id, lane);
    lane.submit(call);
  }

  laneOf(callId: string): Lane | undefined {
    return this.#byCall.get(callId);
  }

  endedCall(callId: string): EndedCall | undefined {
    return this.#ended.get(callId);
  }

  get openCalls(): readonly ToolCall[] {
    return [...this.#bySession.values()].flatMap((lane) => lane.calls);
  }

  withLeaseOf(executorId: string): readonly Lane[] {
    return [...this.#bySession.values()].filter(({ lease }) => lease?.executorId === executorId);
  }

  /** The lane whose present claim it is. */
  withLease({ workId, token }: HeldLease): Lane | undefined {
    const lane = this.#byWork.get(workId);
    return lane?.lease?.token === token ? lane : undefined;
  }

  /** A lane without calls and sandbox is made again when it is needed. */
  #forget(lane: Lane): void {
    const { sessionId } = lane.session;
    if (!lane.isIdle || lane.lease !== undefined || this.#bySession.get(sessionId) !== lane) return;
    this.#bySession.delete(sessionId);
    if (lane.noticeOwed === undefined || lane.isClosed) return;
    this.#noticesOwed.set(sessionId, lane.noticeOwed);
    dropOldest(this.#noticesOwed, noticesOwedMax);
  }

  #callEnded(call: ToolCall): void {
    this.#byCall.delete(call.id);
    const { lease, record, nextSeq, wasAnswered } = call;
    this.#ended.set(call.id, {
      record,
      nextSeq,
      executorId: lease?.executorId,
      token: lease?.token,
      answered: wasAnswered,
    });
    dropOldest(this.#ended, endedCallsMax);
    this.#onEnded(call);
  }
}

function dropOldest(map: Map<string, unknown>, entriesMax: number): void {
  if (map.size <= entriesMax) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
