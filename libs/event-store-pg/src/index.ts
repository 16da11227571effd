export { appendEvents, type EventCodec, isVersionConflict, PgEventStore } from './pg-event-store.ts';
export { eventStoreMigrations } from './event-store-migrations.ts';
