export { callDraft, type CallRecord, durationMs, type EventClockAndIds, orphanedDraft } from './call-drafts.ts';
export { ControlEventWriter } from './control-event-writer.ts';
export { CallOutbox, type CallOutboxConfig } from './call-outbox.ts';
export { type EndBody, recordEnd, recordLate } from './record-end.ts';
