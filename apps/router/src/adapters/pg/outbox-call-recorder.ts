import type { Decision, Outcome } from '@sallyport/audit-events';
import { callDraft, recordEnd } from '@sallyport/audit-outbox';
import type { EventWrite, OutboxWriter } from '@sallyport/outbox-pg';
import { fail, ok, type Result } from '@sallyport/result';
import { type CallRecord, CallRecorder, type EndPhase } from '../../ports/call-recorder.ts';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';

/** `requested`, `authorized`, `dispatched` come before the end of a call that was sent. */
const seqOfEnd = 4;

/** Events of calls through the outbox of this service: durable when committed, published by the relay. */
export class OutboxCallRecorder extends CallRecorder {
  readonly #writer: OutboxWriter;
  readonly #ids: ClockAndIds;

  constructor(writer: OutboxWriter, ids: ClockAndIds) {
    super();
    this.#writer = writer;
    this.#ids = ids;
  }

  override deny(call: CallRecord, decision: Decision): Promise<Result<void, 'unrecorded'>> {
    const events = [
      callDraft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      callDraft(this.#ids, call, 2, { phase: 'denied', decision }),
    ];
    return this.#commit({ events, whenFull: 'refuse' });
  }

  override begin(call: CallRecord, decision: Decision, deadlineMs: number): Promise<Result<void, 'unrecorded'>> {
    const events = [
      callDraft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      callDraft(this.#ids, call, 2, { phase: 'authorized', decision }),
      callDraft(this.#ids, call, 3, { phase: 'dispatched', attempt: 1, deadlineMs }),
    ];
    const open = { callId: call.subject.callId, nextSeq: seqOfEnd, context: JSON.stringify(call) };
    return this.#commit({ events, open, whenFull: 'refuse' });
  }

  override end(
    call: CallRecord,
    phase: EndPhase,
    outcome: Outcome,
  ): Promise<Result<void, 'unrecorded' | 'already_ended'>> {
    return recordEnd(this.#writer, this.#ids, call, seqOfEnd, { phase, outcome });
  }

  async #commit(write: EventWrite): Promise<Result<void, 'unrecorded'>> {
    const written = await this.#writer.commit(write);
    return written.ok ? ok(undefined) : fail('unrecorded');
  }
}
