import type { CallSubject, Decision, Outcome } from '@sallyport/audit-events';
import type { Result } from '@sallyport/result';

/** A call as its events tell it. */
export interface JournalledCall {
  readonly subject: CallSubject;
  readonly traceparent: string;
  readonly startedAtMs: number;
}

export type CallEndEvent =
  | { readonly phase: 'completed' | 'failed' | 'timed_out' | 'cancelled'; readonly outcome: Outcome }
  | { readonly phase: 'orphaned'; readonly outcome: Outcome; readonly owner: string };

/**
 * Writes the events of calls, durable when the promise resolves. `unrecorded`: nothing was written, or nobody can tell: the call must not be sent, or
 * its result not be given out. `seq` is the number of the first event that is written.
 */
export abstract class CallJournal {
  abstract deny(call: JournalledCall, decision: Decision): Promise<Result<void, 'unrecorded'>>;
  /** `requested`, `authorized`, and `dispatched` where it goes out at once: the call is open until `end`. */
  abstract begin(
    call: JournalledCall,
    decision: Decision,
    dispatch: { readonly deadlineMs: number } | undefined,
  ): Promise<Result<void, 'unrecorded'>>;
  /** `dispatched`, of a call that had to wait. */
  abstract dispatch(
    call: JournalledCall,
    attempt: { readonly deadlineMs: number },
  ): Promise<Result<void, 'unrecorded'>>;
  /** `already_ended`: the sweeper has ended the call; a `late_result` was written. */
  abstract end(
    call: JournalledCall,
    seq: number,
    event: CallEndEvent,
  ): Promise<Result<void, 'unrecorded' | 'already_ended'>>;
  abstract late(call: JournalledCall, seq: number, outcome: Outcome): Promise<Result<void, 'unrecorded'>>;
  /** A call that an earlier process left open. */
  abstract findOpen(callId: string): Promise<{ readonly call: JournalledCall; readonly nextSeq: number } | undefined>;
}
