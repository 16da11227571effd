export { ensureTopics } from './ensure-topics.ts';
export { eventLogMigrations } from './event-log-migrations.ts';
export { PgEventLogPublisher } from './pg-event-log-publisher.ts';
export { PgEventLogReader, type PgEventLogReaderOptions } from './pg-event-log-reader.ts';
export { deleteRecordsBelow } from './delete-records-below.ts';
export { binaryTextArray } from './binary-text-array.ts';
