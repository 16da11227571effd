import type { DynamicModule } from '@nestjs/common';
import { EventLogReader } from '@sallyport/event-log';
import { EventLogConnection } from '@sallyport/event-log-adapters';
import { GrpcServer } from '@sallyport/grpc';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { migrate, openPool } from '@sallyport/pg';
import { createLogger, Telemetry } from '@sallyport/telemetry';
import pg from 'pg';
import { FileCheckpointSigner } from './adapters/fs/file-checkpoint-signer.ts';
import { auditService } from './adapters/grpc/audit-handlers.ts';
import { auditMigrations } from './adapters/pg/audit-migrations.ts';
import { PgAnnouncements } from './adapters/pg/pg-announcements.ts';
import { PgCheckpointStore } from './adapters/pg/pg-checkpoint-store.ts';
import { PgLedgerBuilds } from './adapters/pg/pg-ledger-builds.ts';
import { PgLedgerReader } from './adapters/pg/pg-ledger-reader.ts';
import { PgLedger } from './adapters/pg/pg-ledger.ts';
import { SystemClock } from './adapters/system-clock.ts';
import { EventTail } from './application/event-tail.ts';
import { ExportLogs } from './application/export-logs.ts';
import { FollowEvents } from './application/follow-events.ts';
import { ListEvents } from './application/list-events.ts';
import { ListLogs } from './application/list-logs.ts';
import { ProveCall } from './application/prove-call.ts';
import { PublishAnnouncements } from './application/publish-announcements.ts';
import { RebuildLedger } from './application/rebuild-ledger.ts';
import { SignCheckpoints } from './application/sign-checkpoints.ts';
import { WatchSequences } from './application/watch-sequences.ts';
import { AuditService } from './audit-service.ts';
import type { AuditConfig } from './config.ts';
import { Announcements } from './ports/announcements.ts';
import { CheckpointSigner } from './ports/checkpoint-signer.ts';
import { CheckpointStore } from './ports/checkpoint-store.ts';
import { Clock } from './ports/clock.ts';
import { LedgerBuilds } from './ports/ledger-builds.ts';
import { LedgerReader } from './ports/ledger-reader.ts';
import { Ledger } from './ports/ledger.ts';
import { SearchPool } from './adapters/pg/search-pool.ts';
import { AuditSignals } from './signals.ts';

/** The object graph of the ledger. */
export const AuditModule = {
  with(config: AuditConfig): DynamicModule {
    const log = createLogger('audit', config.log);
    const telemetry = Telemetry.start('audit', config.telemetry);
    return {
      module: class AuditModule {},
      providers: [
        provideValue(AuditSignals, new AuditSignals(log, telemetry)),
        provide(Clock, [], () => new SystemClock()),
        provide(pg.Pool, [], () =>
          openPool(config.pg, (error) => log.warn({ err: error }, 'an idle database connection broke')),
        ),
        provide(SearchPool, [], () => new SearchPool(config.pg)),
        provide(EventLogConnection, [], () => new EventLogConnection(config.eventLog)),
        ...adapters(config),
        ...useCases(config),
        ...servers(config, telemetry),
      ],
    };
  },
};

function adapters(config: AuditConfig) {
  const { logs, deployment } = config.logs;
  const { keyFile, stateDirectory } = config.signing;
  return [
    provide(Ledger, [pg.Pool], (pool) => new PgLedger(pool)),
    provide(LedgerBuilds, [pg.Pool], (pool) => new PgLedgerBuilds(pool)),
    provide(
      LedgerReader,
      [pg.Pool, SearchPool],
      (pool, { pool: searchPool }) => new PgLedgerReader({ pool, searchPool }),
    ),
    provide(CheckpointStore, [pg.Pool], (pool) => new PgCheckpointStore(pool)),
    provide(Announcements, [pg.Pool], (pool) => new PgAnnouncements(pool, `audit/${deployment}`)),
    provide(CheckpointSigner, [], () => FileCheckpointSigner.open({ keyFile, stateDirectory, logs })),
    // The rebuild's own: a reader takes one read per topic at a time.
    provide(EventLogReader, [EventLogConnection], (eventLog) => eventLog.openReader()),
    provideValue(EventTail, new EventTail(config.tail)),
  ];
}

function useCases(config: AuditConfig) {
  const { logs } = config.logs;
  const { batchRecordsMax } = config.ingest;
  const topics = logs.map(({ topic }) => topic);
  const [toolcall] = logs;
  return [
    provide(ListEvents, [LedgerReader], (reader) => new ListEvents(reader, topics)),
    provide(FollowEvents, [LedgerReader, EventTail], (reader, tail) => new FollowEvents(reader, tail, topics)),
    provide(
      ProveCall,
      [LedgerReader, CheckpointStore, CheckpointSigner],
      (reader, store, signer) => new ProveCall(reader, store, signer, toolcall?.topic ?? ''),
    ),
    provide(ExportLogs, [LedgerReader, CheckpointStore], (reader, store) => new ExportLogs(reader, store, logs)),
    provide(
      ListLogs,
      [Ledger, CheckpointStore, CheckpointSigner],
      (ledger, store, signer) => new ListLogs(ledger, store, signer, topics),
    ),
    provide(
      SignCheckpoints,
      [Ledger, LedgerReader, CheckpointStore, CheckpointSigner, Clock, AuditSignals],
      (ledger, reader, store, signer, clock, signals) =>
        new SignCheckpoints({ ledger, reader, store, signer, clock, signals }),
    ),
    provide(
      RebuildLedger,
      [LedgerBuilds, EventLogReader, CheckpointStore, AuditSignals],
      (builds, reader, store, signals) => new RebuildLedger({ builds, reader, store, signals, batchRecordsMax, logs }),
    ),
    provide(
      PublishAnnouncements,
      [Announcements, EventLogConnection],
      (announcements, eventLog) => new PublishAnnouncements(announcements, eventLog.openPublisher),
    ),
    provide(
      WatchSequences,
      [Ledger, Clock, AuditSignals],
      (ledger, clock, signals) => new WatchSequences(ledger, clock, (alarm) => signals.sequenceAlarm(alarm)),
    ),
  ];
}

function servers(config: AuditConfig, telemetry: Telemetry) {
  const { logs } = config.logs;
  const { batchRecordsMax } = config.ingest;
  const { intervalMs, leaves } = config.signing;
  const settings = { logs, batchRecordsMax, checkpointIntervalMs: intervalMs, checkpointLeaves: leaves };
  return [
    provide(
      GrpcServer,
      [ListEvents, FollowEvents, LedgerReader, ProveCall, ExportLogs, ListLogs, RebuildLedger, AuditSignals],
      (...[listEvents, followEvents, reader, proveCall, exportLogs, listLogs, rebuildLedger, signals]) => {
        const useCases = { listEvents, followEvents, reader, proveCall, exportLogs, listLogs, rebuildLedger };
        return new GrpcServer({ address: config.grpc.address, tls: config.tls }, [
          auditService(useCases, (error, where) => signals.bug(error, where)),
        ]);
      },
    ),
    provide(
      AuditService,
      [
        Ledger,
        CheckpointSigner,
        SignCheckpoints,
        PublishAnnouncements,
        WatchSequences,
        EventTail,
        GrpcServer,
        AuditSignals,
        EventLogConnection,
        EventLogReader,
        pg.Pool,
        SearchPool,
      ],
      (...[ledger, signer, sign, publish, watch, tail, server, signals, eventLog, rebuildReader, pool, search]) => {
        const closeConnections = async () => {
          await rebuildReader.close();
          await eventLog.close();
          await search.pool.end();
          await pool.end();
          await telemetry.stop();
        };
        const { openReader } = eventLog;
        const work = { ledger, signer, sign, publish, watch, tail, server, signals, openReader };
        return new AuditService({ ...work, closeConnections, migrate: () => migrateAudit(config) }, settings);
      },
    ),
  ];
}

async function migrateAudit(config: AuditConfig): Promise<void> {
  // Of its own, because a migration may take longer than any statement of the service.
  const pool = openPool({ ...config.pg, connectionsMax: 1, statementMsMax: migrationMsMax });
  try {
    await migrate(pool, config.pg.schema, auditMigrations);
  } finally {
    await pool.end();
  }
}

const migrationMsMax = 3_600_000;
