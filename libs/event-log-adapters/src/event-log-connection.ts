import type { EventLogPublisher, EventLogReader } from '@sallyport/event-log';
import { PgEventLogPublisher, PgEventLogReader } from '@sallyport/event-log-pg';
import { KafkaEventLogPublisher, KafkaEventLogReader, type KafkaLogEntry, openKafka } from '@sallyport/kafka';
import { openPool } from '@sallyport/pg';
import type { EventLogConfig } from './event-log-config.ts';

/** The configured event log. Publishers and readers that it opened are closed by whoever uses them; `close` ends what they share. */
export class EventLogConnection {
  readonly openPublisher: () => Promise<EventLogPublisher>;
  readonly openReader: () => Promise<EventLogReader>;
  readonly close: () => Promise<void>;

  /** `onLog` takes the lines of the Kafka client. */
  constructor(config: EventLogConfig, onLog?: (entry: KafkaLogEntry) => void) {
    if (config.kind === 'kafka') {
      const kafka = openKafka({ ...config.kafka, ...(onLog === undefined ? {} : { onLog }) });
      this.openPublisher = () => KafkaEventLogPublisher.open(kafka);
      this.openReader = () => Promise.resolve(new KafkaEventLogReader({ kafka, groupPrefix: config.kafka.clientId }));
      this.close = () => Promise.resolve();
      return;
    }
    const pool = openPool(config.pg);
    this.openPublisher = () => Promise.resolve(new PgEventLogPublisher(pool));
    this.openReader = () => Promise.resolve(new PgEventLogReader(pool));
    this.close = () => pool.end();
  }
}
