import type { Decision, Outcome } from '@sallyport/audit-events';
import type { Result } from '@sallyport/result';
import { type CallRecord, CallRecorder, type EndPhase } from '../../ports/call-recorder.ts';
import type { CallSignals } from '../../signals.ts';

/** A recorder that also tells operations what it recorded. */
export class SignallingCallRecorder extends CallRecorder {
  readonly #recorder: CallRecorder;
  readonly #signals: CallSignals;

  constructor(recorder: CallRecorder, signals: CallSignals) {
    super();
    this.#recorder = recorder;
    this.#signals = signals;
  }

  override async deny(call: CallRecord, decision: Decision): Promise<Result<void, 'unrecorded'>> {
    const recorded = await this.#recorder.deny(call, decision);
    if (recorded.ok) this.#signals.denied(call, decision);
    else this.#signals.unrecorded(call, 'denied');
    return recorded;
  }

  override async begin(call: CallRecord, decision: Decision, deadlineMs: number): Promise<Result<void, 'unrecorded'>> {
    const recorded = await this.#recorder.begin(call, decision, deadlineMs);
    if (recorded.ok) this.#signals.begun(call);
    else this.#signals.unrecorded(call, 'begin');
    return recorded;
  }

  override async end(
    call: CallRecord,
    phase: EndPhase,
    outcome: Outcome,
  ): Promise<Result<void, 'unrecorded' | 'already_ended'>> {
    const recorded = await this.#recorder.end(call, phase, outcome).catch((error: unknown) => {
      this.#signals.unrecorded(call, phase, error);
      throw error;
    });
    this.#signals.ended(call, phase, outcome);
    if (!recorded.ok && recorded.reason === 'unrecorded') this.#signals.unrecorded(call, phase);
    if (!recorded.ok && recorded.reason === 'already_ended') this.#signals.endedBySweeper(call);
    return recorded;
  }
}
