import type { EnvironmentView } from '../ports/environments.ts';
import type { SessionView } from '../ports/sessions.ts';
import type { JournalledCall } from '../ports/call-journal.ts';
import { Lane, type LaneLimits, type LaneSurroundings } from './lane.ts';
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

/** The sessions that have calls or a sandbox, by session and by call. */
export class Lanes {
  readonly #limits: LaneLimits;
  readonly #surroundings: Omit<LaneSurroundings, 'callEnded' | 'idle'>;
  readonly #bySession = new Map<string, Lane>();
  readonly #byCall = new Map<string, Lane>();
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
    const lane = new Lane(session, environment, this.#limits, {
      ...this.#surroundings,
      callEnded: (call) => this.#callEnded(call),
      idle: (idle) => this.#forget(idle),
    });
    this.#bySession.set(session.sessionId, lane);
    return lane;
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
  withLease({ workId, token }: { readonly workId: string; readonly token: number }): Lane | undefined {
    for (const lane of this.#bySession.values())
      if (lane.lease?.workId === workId && lane.lease.token === token) return lane;
    return undefined;
  }

  /** A lane without calls and sandbox is made again when it is needed. */
  #forget(lane: Lane): void {
    if (lane.isIdle && lane.lease === undefined && !lane.owesNotice) this.#bySession.delete(lane.session.sessionId);
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
    if (this.#ended.size > endedCallsMax) {
      const [oldest] = this.#ended.keys();
      if (oldest !== undefined) this.#ended.delete(oldest);
    }
    this.#onEnded(call);
  }
}
