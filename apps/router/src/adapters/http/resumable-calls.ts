import type { CallInFlight } from '../../application/call-in-flight.ts';

/** Beyond them a call ends at once. */
const callsMax = 10_000;

/**
 * Legacy calls whose stream ended without the answer: the client may fetch it on another stream with `Last-Event-ID`, until
 * `resumeMs` are over. Their leases are renewed meanwhile, as those of all open calls.
 */
export class ResumableCalls {
  readonly #resumeMs: number;
  readonly #timers = new Map<CallInFlight, NodeJS.Timeout>();

  constructor(resumeMs: number) {
    this.#resumeMs = resumeMs;
  }

  add(call: CallInFlight): void {
    const giveUp = () => {
      this.answered(call);
      void call.end('failed', { status: 'transport_error', code: 'not_resumed', effect: 'unknown' });
    };
    if (this.#timers.size >= callsMax) giveUp();
    else this.#timers.set(call, setTimeout(giveUp, this.#resumeMs).unref());
  }

  /** Nothing is waited for any more. */
  answered(call: CallInFlight): void {
    clearTimeout(this.#timers.get(call));
    this.#timers.delete(call);
  }
}
