import { auditTopic, type CallEventBody, callEnvelope, type CallSubject, type Outcome } from '@sallyport/audit-events';
import type { EventDraft, OrphanedCall } from '@sallyport/outbox-pg';

/** The call as its events tell it, and the trace that it belongs to. JSON: it is kept with the open row. */
export interface CallRecord {
  readonly subject: CallSubject;
  readonly traceparent: string;
  readonly startedAtMs: number;
}

/** Where time and randomness enter. */
export interface EventClockAndIds {
  nowMs(): number;
  /** UUID version 7. */
  uuid(): string;
}

/** One event of a call for the outbox. The events of one key keep their order in the event log. */
export function callDraft(ids: EventClockAndIds, call: CallRecord, seq: number, event: CallEventBody): EventDraft {
  const { subject, traceparent } = call;
  const stamp = { id: ids.uuid(), timeMs: ids.nowMs(), key: partitionKey(subject), traceparent };
  return {
    topic: auditTopic.toolcall,
    key: stamp.key,
    eventId: stamp.id,
    build: ({ source, sequence }) => callEnvelope({ ...stamp, source, sequence }, subject, seq, event),
  };
}

/** The sweeper's event for a call whose owner is gone. */
export function orphanedDraft(ids: EventClockAndIds, orphan: OrphanedCall): EventDraft {
  const call = JSON.parse(orphan.context) as CallRecord;
  const outcome: Outcome = { status: 'lease_lost', durationMs: durationMs(ids, call), effect: 'unknown' };
  return callDraft(ids, call, orphan.nextSeq, { phase: 'orphaned', outcome, owner: orphan.owner });
}

export function durationMs(ids: EventClockAndIds, { startedAtMs }: CallRecord): number {
  return Math.max(0, Math.round(ids.nowMs() - startedAtMs));
}

/** The session in a sandbox, the tunnel and the principal elsewhere. */
function partitionKey({ route, session, actor }: CallSubject): string {
  return route === undefined ? (session?.id ?? actor.principalId) : `${route.tunnelId}/${actor.principalId}`;
}
