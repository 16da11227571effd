import type { Outcome } from '@sallyport/audit-events';
import type { CallEnd } from '../domain/call-outcome.ts';
import type { CallRecord, CallRecorder, EndPhase } from '../ports/call-recorder.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';

export interface EndFacts {
  readonly httpStatus?: number;
  readonly result?: { readonly commitment: string; readonly bytes: number };
  readonly cancelForwarded?: boolean;
}

/** `recorded`: the answer may go out. `withheld`: it must not. `ended_before`: nor must this one, the ledger tells another end. */
export type EndVerdict = 'recorded' | 'withheld' | 'ended_before';

/** A call from its dispatch to its one terminal event. */
export class CallInFlight {
  readonly record: CallRecord;
  #cancelRequested = false;
  #onCancelRequest: (() => void) | undefined;
  readonly #recorder: CallRecorder;
  readonly #clock: ClockAndIds;
  readonly #onEnd: () => void;
  #verdict: Promise<'recorded' | 'withheld'> | undefined;

  constructor(record: CallRecord, recorder: CallRecorder, clock: ClockAndIds, onEnd: () => void) {
    this.record = record;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  get ended(): boolean {
    return this.#verdict !== undefined;
  }

  /** The client has asked to stop: an end without an answer is then its doing. */
  get cancelRequested(): boolean {
    return this.#cancelRequested;
  }

  requestCancel(): void {
    if (this.#cancelRequested) return;
    this.#cancelRequested = true;
    this.#onCancelRequest?.();
  }

  /** `listener` is called once, when the client asks to stop; at once where it has asked already. */
  onCancelRequest(listener: () => void): void {
    if (this.#cancelRequested) listener();
    else this.#onCancelRequest = listener;
  }

  /** Writes how the call ended. Only the first end counts; what comes later learns so once the first is written. Never rejects. */
  async end(phase: EndPhase, end: Omit<CallEnd, 'phase'>, facts: EndFacts = {}): Promise<EndVerdict> {
    if (this.#verdict !== undefined) return (await this.#verdict) === 'recorded' ? 'ended_before' : 'withheld';
    this.#verdict = this.#write(phase, end, facts).catch(() => 'withheld' as const);
    const verdict = await this.#verdict;
    this.#onEnd();
    return verdict;
  }

  async #write(phase: EndPhase, end: Omit<CallEnd, 'phase'>, facts: EndFacts): Promise<'recorded' | 'withheld'> {
    const durationMs = Math.max(0, Math.round(this.#clock.nowMs() - this.record.startedAtMs));
    const { status, effect, code } = end;
    const outcome: Outcome = { status, effect, durationMs, ...(code === undefined ? {} : { code }), ...facts };
    const written = await this.#recorder.end(this.record, phase, outcome);
    return written.ok ? 'recorded' : 'withheld';
  }
}
