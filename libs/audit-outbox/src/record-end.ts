import type { CallEventBody, Outcome } from '@sallyport/audit-events';
import type { OutboxWriter } from '@sallyport/outbox-pg';
import { fail, ok, type Result } from '@sallyport/result';
import { callDraft, type CallRecord, type EventClockAndIds } from './call-drafts.ts';

/** A terminal event other than a denial. */
export type EndBody = Extract<CallEventBody, { readonly outcome: Outcome }>;

const endTriesMsMax = 5_000;
const endRetryMs = 200;

/**
 * Writes the end of an open call as its event `seq`. While the database is away it is tried again for a bounded time. `already_ended`: the
 * sweeper was first, and a `late_result` was written.
 */
export async function recordEnd(
  writer: OutboxWriter,
  ids: EventClockAndIds,
  call: CallRecord,
  seq: number,
  event: EndBody,
): Promise<Result<void, 'unrecorded' | 'already_ended'>> {
  const { callId } = call.subject;
  const untilMs = performance.now() + endTriesMsMax;
  for (;;) {
    const written = await writer.commit({ events: [callDraft(ids, call, seq, event)], close: callId });
    if (written.ok) return ok(undefined);
    if (written.reason === 'already_closed') {
      await recordLate(writer, ids, call, seq + 1, event.outcome);
      return fail('already_ended');
    }
    if (written.reason === 'outcome_unknown' || performance.now() >= untilMs) return fail('unrecorded');
    await new Promise((resolve) => setTimeout(resolve, endRetryMs));
  }
}

/** What came after the end: noted, never applied. */
export async function recordLate(
  writer: OutboxWriter,
  ids: EventClockAndIds,
  call: CallRecord,
  seq: number,
  outcome: Outcome,
): Promise<Result<void, 'unrecorded'>> {
  const written = await writer.commit({
    events: [callDraft(ids, call, seq, { phase: 'late_result', outcome })],
    whenFull: 'accept',
  });
  return written.ok ? ok(undefined) : fail('unrecorded');
}
