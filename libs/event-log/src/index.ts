export {
  EventLogGap,
  EventLogPublisher,
  EventLogReader,
  EventLogRecordAltered,
  type EventRecord,
  type ReadOptions,
  type StoredRecord,
  type TopicBounds,
} from './event-log.ts';
