import type { CallSubject, Decision, Outcome } from '@sallyport/audit-events';
import type { Result } from '@sallyport/result';

/** The call as its events tell it, and the trace that it belongs to. */
export interface CallRecord {
  readonly subject: CallSubject;
  readonly traceparent: string;
  readonly startedAtMs: number;
}

export type EndPhase = 'completed' | 'failed' | 'timed_out' | 'cancelled';

/**
 * Writes the events of calls, durable when the promise resolves. `unrecorded`: nothing was written, or nobody can tell; the call must
 * not be sent, or its result must not be given out.
 */
export abstract class CallRecorder {
  abstract deny(call: CallRecord, decision: Decision): Promise<Result<void, 'unrecorded'>>;
  /** `requested`, `authorized`, `dispatched`: the call is open until `end`. */
  abstract begin(call: CallRecord, decision: Decision, deadlineMs: number): Promise<Result<void, 'unrecorded'>>;
  /** `already_ended`: the sweeper has ended the call; a `late_result` was written. */
  abstract end(
    call: CallRecord,
    phase: EndPhase,
    outcome: Outcome,
  ): Promise<Result<void, 'unrecorded' | 'already_ended'>>;
}
