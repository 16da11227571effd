/** How an executor's answer says that a call went. */
export interface AnswerSeen {
  readonly outcome: 'done' | 'timed_out' | 'cancelled' | 'lost' | 'refused';
  readonly isError: boolean;
  /** A stable code where the outcome is not `done`. */
  readonly code: string;
}

/** How a call ends, as its public events name it. */
export interface AnswerEnd {
  readonly phase: 'completed' | 'failed' | 'timed_out' | 'cancelled';
  readonly status: 'ok' | 'tool_error' | 'deadline' | 'client_cancelled' | 'sandbox_lost' | 'not_placed';
  readonly code: string;
  readonly effect: 'reported' | 'none' | 'unknown';
}

export function endFromAnswer({ outcome, isError, code }: AnswerSeen): AnswerEnd {
  switch (outcome) {
    case 'done':
      return isError
        ? { phase: 'failed', status: 'tool_error', code: '', effect: 'reported' }
        : { phase: 'completed', status: 'ok', code: '', effect: 'reported' };
    case 'timed_out':
      return { phase: 'timed_out', status: 'deadline', code: code || 'call_deadline', effect: 'unknown' };
    case 'cancelled':
      return { phase: 'cancelled', status: 'client_cancelled', code, effect: 'unknown' };
    case 'lost':
      return { phase: 'failed', status: 'sandbox_lost', code: code || 'sandbox_died', effect: 'unknown' };
    case 'refused':
      return { phase: 'failed', status: 'not_placed', code: code || 'refused', effect: 'none' };
  }
}
