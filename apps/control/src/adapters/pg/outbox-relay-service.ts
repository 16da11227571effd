import type { EventLogConnection } from '@sallyport/event-log-adapters';
import { OutboxRelay } from '@sallyport/outbox-pg';
import type { Logger, Telemetry } from '@sallyport/telemetry';
import type pg from 'pg';

/** Moves control's audit events from its outbox to the event log. */
export class OutboxRelayService {
  readonly #relay: OutboxRelay;
  readonly #log: EventLogConnection;

  constructor(pool: pg.Pool, eventLog: EventLogConnection, logger: Logger, telemetry: Telemetry) {
    const published = telemetry.meter.createCounter('sallyport.outbox.published', {
      description: 'Events that the event log has taken.',
    });
    this.#log = eventLog;
    this.#relay = new OutboxRelay({
      pool,
      openPublisher: eventLog.openPublisher,
      signals: {
        published: ({ events, topic }) => published.add(events, { topic }),
        publishFailed: (error) => logger.warn({ err: error }, 'publishing to the event log failed, it is tried again'),
        databaseFailed: (error) => logger.warn({ err: error }, 'the outbox cannot be read, it is tried again'),
        offsetNotRising: (topic, expected, got) =>
          logger.error({ topic, expected, got }, 'the event log gave an offset that does not rise'),
      },
    });
  }

  start(): Promise<void> {
    this.#relay.start();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#relay.stop();
    await this.#log.close();
  }
}
