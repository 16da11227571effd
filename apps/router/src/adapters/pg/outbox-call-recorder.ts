import { auditTopic, type CallEventBody, callEnvelope, type Decision, type Outcome } from '@sallyport/audit-events';
import type { EventDraft, EventWrite, OrphanedCall, OutboxWriter } from '@sallyport/outbox-pg';
import { fail, ok, type Result } from '@sallyport/result';
import { type CallRecord, CallRecorder, type EndPhase } from '../../ports/call-recorder.ts';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';

/** `requested`, `authorized`, `dispatched` come before the end of a call that was sent. */
const seqOfEnd = 4;
const endTriesMsMax = 5_000;
const endRetryMs = 200;

/** Events of calls through the outbox of this service: durable when committed, published by the relay. */
export class OutboxCallRecorder extends CallRecorder {
  readonly #writer: OutboxWriter;
  readonly #ids: ClockAndIds;

  constructor(writer: OutboxWriter, ids: ClockAndIds) {
    super();
    this.#writer = writer;
    this.#ids = ids;
  }

  override async deny(call: CallRecord, decision: Decision): Promise<Result<void, 'unrecorded'>> {
    const events = [
      draft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      draft(this.#ids, call, 2, { phase: 'denied', decision }),
    ];
    return (await this.#commit({ events, whenFull: 'refuse' })) === 'ok' ? ok(undefined) : fail('unrecorded');
  }

  override async begin(call: CallRecord, decision: Decision, deadlineMs: number): Promise<Result<void, 'unrecorded'>> {
    const events = [
      draft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      draft(this.#ids, call, 2, { phase: 'authorized', decision }),
      draft(this.#ids, call, 3, { phase: 'dispatched', attempt: 1, deadlineMs }),
    ];
    const open = { callId: call.subject.callId, nextSeq: seqOfEnd, context: JSON.stringify(call) };
    return (await this.#commit({ events, open, whenFull: 'refuse' })) === 'ok' ? ok(undefined) : fail('unrecorded');
  }

  /** While the database is away the end waits a bounded time; whatever is not known to be written then, the sweeper ends. */
  override async end(
    call: CallRecord,
    phase: EndPhase,
    outcome: Outcome,
  ): Promise<Result<void, 'unrecorded' | 'already_ended'>> {
    const { callId } = call.subject;
    const untilMs = performance.now() + endTriesMsMax;
    for (;;) {
      const written = await this.#commit({
        events: [draft(this.#ids, call, seqOfEnd, { phase, outcome })],
        close: callId,
      });
      if (written === 'ok') return ok(undefined);
      if (written === 'already_closed') {
        await this.#commit({
          events: [draft(this.#ids, call, seqOfEnd + 1, { phase: 'late_result', outcome })],
          whenFull: 'accept',
        });
        return fail('already_ended');
      }
      if (written === 'outcome_unknown' || performance.now() >= untilMs) return fail('unrecorded');
      await new Promise((resolve) => setTimeout(resolve, endRetryMs));
    }
  }

  async #commit(write: EventWrite) {
    const written = await this.#writer.commit(write);
    return written.ok ? 'ok' : written.reason;
  }
}

/** The sweeper's event for a call whose owner is gone. */
export function orphanedDraft(ids: ClockAndIds, orphan: OrphanedCall): EventDraft {
  const call = JSON.parse(orphan.context) as CallRecord;
  const outcome: Outcome = {
    status: 'lease_lost',
    durationMs: Math.max(0, Math.round(ids.nowMs() - call.startedAtMs)),
    effect: 'unknown',
  };
  return draft(ids, call, orphan.nextSeq, { phase: 'orphaned', outcome, owner: orphan.owner });
}

function draft(ids: ClockAndIds, call: CallRecord, seq: number, event: CallEventBody): EventDraft {
  const { subject, traceparent } = call;
  const key = `${subject.route?.tunnelId ?? ''}/${subject.actor.principalId}`;
  const stamp = { id: ids.uuid(), timeMs: ids.nowMs(), key, traceparent };
  return {
    topic: auditTopic.toolcall,
    key,
    eventId: stamp.id,
    build: ({ source, sequence }) => callEnvelope({ ...stamp, source, sequence }, subject, seq, event),
  };
}
