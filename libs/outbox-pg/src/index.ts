export type { CommitRefusal, EventDraft, EventStamp, EventWrite, OpenCall } from './event-write.ts';
export { OpenCallLeases, type OpenCallLeasesOptions } from './open-call-leases.ts';
export { type OrphanedCall, OrphanSweeper, type OrphanSweeperOptions } from './orphan-sweeper.ts';
export type { OutboxDepth, OutboxLimits } from './outbox-limit.ts';
export { outboxMigrations } from './outbox-migrations.ts';
export { OutboxRelay, type OutboxRelayOptions, type OutboxRelaySignals } from './outbox-relay.ts';
export { OutboxWriter, type OutboxWriterOptions, type OutboxWriterSignals } from './outbox-writer.ts';
export type { CommitResult } from './waiting-writes.ts';
