import type { EventLogConnection } from '@sallyport/event-log-adapters';
import { OpenCallLeases, OrphanSweeper, outboxMigrations, OutboxRelay, OutboxWriter } from '@sallyport/outbox-pg';
import { migrate } from '@sallyport/pg';
import type { Logger, Telemetry } from '@sallyport/telemetry';
import type pg from 'pg';
import { type EventClockAndIds, orphanedDraft } from './call-drafts.ts';

export interface CallOutboxConfig {
  /** Names the source of the events: `router`, `scheduler`. */
  readonly service: string;
  readonly schema: string;
  /** The service's own, numbered apart from the outbox's. */
  readonly migrations?: readonly URL[];
  readonly leaseMs: number;
  readonly rowsMax: number;
  readonly ageMsMax: number;
}

interface Observers {
  readonly log: Logger;
  readonly telemetry: Telemetry;
}

/**
 * The durable write path of a service that dispatches calls: its outbox, the relay to the event log, the leases of its calls, and the sweep of those
 * whose owner is gone.
 */
export class CallOutbox {
  readonly writer: OutboxWriter;
  readonly #pool: pg.Pool;
  readonly #eventLog: EventLogConnection;
  readonly #config: CallOutboxConfig;
  readonly #leases: OpenCallLeases;
  readonly #relay: OutboxRelay;
  readonly #sweeper: OrphanSweeper;

  constructor(
    pool: pg.Pool,
    eventLog: EventLogConnection,
    ids: EventClockAndIds,
    config: CallOutboxConfig,
    observers: Observers,
  ) {
    const { log, telemetry } = observers;
    const source = `${config.service}/${ids.uuid()}`;
    const commitMs = telemetry.meter.createHistogram('sallyport.outbox.commit.duration', {
      unit: 'ms',
      description: 'One durable commit of a group of writes.',
    });
    const published = telemetry.meter.createCounter('sallyport.outbox.published', {
      description: 'Events that the event log has taken.',
    });
    const depth = telemetry.meter.createGauge('sallyport.outbox.rows', {
      description: 'Events that wait to be published.',
    });
    this.#pool = pool;
    this.#eventLog = eventLog;
    this.#config = config;
    this.#leases = new OpenCallLeases({
      pool,
      owner: source,
      leaseMs: config.leaseMs,
      onLost: (callIds) =>
        log.error(
          { callIds: callIds.slice(0, 10), calls: callIds.length },
          'calls of this process were ended by the sweeper',
        ),
      onRenewFailed: (error) => log.warn({ err: error }, 'the leases of open calls could not be renewed'),
    });
    this.#relay = new OutboxRelay({
      pool,
      openPublisher: eventLog.openPublisher,
      signals: {
        published: ({ events, topic }) => published.add(events, { topic }),
        depth: ({ rows }) => depth.record(rows),
        publishFailed: (error) => log.warn({ err: error }, 'publishing to the event log failed, it is tried again'),
        databaseFailed: (error) => log.warn({ err: error }, 'the outbox cannot be read, it is tried again'),
        offsetNotRising: (topic, expected, got) =>
          log.error({ topic, expected, got }, 'the event log gave an offset that does not rise'),
      },
    });
    this.writer = new OutboxWriter({
      pool,
      source,
      leases: this.#leases,
      limits: { rowsMax: config.rowsMax, ageMsMax: config.ageMsMax },
      onCommitted: () => this.#relay.hint(),
      signals: {
        committed: ({ ms }) => commitMs.record(ms),
        refusedFull: (writes) =>
          log.error({ writes }, 'the outbox is full: calls are refused until the event log takes events again'),
        connectionLost: (error) => log.warn({ err: error }, 'the connection that records calls was lost'),
        broken: (reason) => log.fatal({ reason }, 'calls cannot be recorded any more by this process'),
      },
    });
    this.#sweeper = this.#makeSweeper(ids, observers);
  }

  #makeSweeper(ids: EventClockAndIds, { log, telemetry }: Observers): OrphanSweeper {
    const orphaned = telemetry.meter.createCounter('sallyport.calls.orphaned', {
      description: 'Calls that the sweeper ended.',
    });
    return new OrphanSweeper({
      pool: this.#pool,
      source: `${this.#config.service}-sweeper/${ids.uuid()}`,
      draft: (orphan) => orphanedDraft(ids, orphan),
      graceMs: this.#config.leaseMs,
      onSwept: (calls) => {
        orphaned.add(calls);
        log.warn({ calls }, 'calls without an owner were ended');
        this.#relay.hint();
      },
      onFailed: (error) => log.warn({ err: error }, 'the sweep for calls without an owner failed'),
      onUnbuildable: (callId, error) => log.error({ callId, err: error }, 'a call without an owner could not be ended'),
    });
  }

  async start(): Promise<void> {
    await migrate(this.#pool, this.#config.schema, outboxMigrations, ...(this.#config.migrations ?? []));
    this.#leases.start();
    this.#relay.start();
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    await this.#sweeper.stop();
    await this.writer.close();
    await this.#leases.stop();
    await this.#relay.stop();
    await this.#eventLog.close();
    await this.#pool.end();
  }
}
