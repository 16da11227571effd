import type { DynamicModule } from '@nestjs/common';
import { payloadCommitment } from '@sallyport/audit-events';
import { CallOutbox, ControlEventWriter } from '@sallyport/audit-outbox';
import { readSecretFile } from '@sallyport/config';
import { EventLogConnection } from '@sallyport/event-log-adapters';
import { eventStoreMigrations } from '@sallyport/event-store-pg';
import { grpcChannel, serviceName } from '@sallyport/grpc';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { openPool } from '@sallyport/pg';
import { namespaceTierChecks, sandboxChecks } from '@sallyport/sandbox';
import { createLogger, type Logger, Telemetry } from '@sallyport/telemetry';
import pg from 'pg';
import { NodeClockAndIds } from './adapters/crypto/node-clock-and-ids.ts';
import { ControlEnvironmentKeys, ControlPolicies } from './adapters/grpc/control-facts.ts';
import { environmentService } from './adapters/grpc/environment-handlers.ts';
import { ExecutorHost } from './adapters/grpc/executor-host.ts';
import { ExecutorStreams } from './adapters/grpc/executor-streams.ts';
import { ExecutorListener, ServiceListener } from './adapters/grpc/listeners.ts';
import { sessionToolService } from './adapters/grpc/session-tool-handlers.ts';
import { Leadership } from './adapters/pg/leadership.ts';
import { OutboxCallJournal } from './adapters/pg/outbox-call-journal.ts';
import { PgEnvironments } from './adapters/pg/pg-environments.ts';
import { PgExecutorTrail } from './adapters/pg/pg-executor-trail.ts';
import { PgSessionTrail } from './adapters/pg/pg-session-trail.ts';
import { PgSessions } from './adapters/pg/pg-sessions.ts';
import { PgWorkQueue } from './adapters/pg/pg-work-queue.ts';
import { DrainExecutor } from './application/drain-executor.ts';
import { ManageEnvironments } from './application/manage-environments.ts';
import { ManageSessions } from './application/manage-sessions.ts';
import { SessionMachinery } from './application/session-machinery.ts';
import type { SchedulerConfig } from './config.ts';
import { CallJournal } from './ports/call-journal.ts';
import { ClockAndIds } from './ports/clock-and-ids.ts';
import { EnvironmentKeys } from './ports/environment-keys.ts';
import { Environments } from './ports/environments.ts';
import { ExecutorTrail } from './ports/executor-trail.ts';
import { SessionTrail } from './ports/session-trail.ts';
import { Sessions } from './ports/sessions.ts';
import { WorkQueue } from './ports/work-queue.ts';
import { SchedulerLifecycle } from './scheduler-lifecycle.ts';
import { SchedulerSignals } from './signals.ts';

const commitmentKeyBytes = 32;
const ownMigrations = new URL('../migrations/', import.meta.url);
const creditsMax = 1_000;
const leasesMax = 1_000;

/** What a scheduler runs, in the order of starting: whoever may call comes last. */
export const schedulerServices = [
  Telemetry,
  CallOutbox,
  Leadership,
  ControlPolicies,
  SchedulerLifecycle,
  ExecutorListener,
  ServiceListener,
] as const;

export const SchedulerModule = {
  with(config: SchedulerConfig, log: Logger): DynamicModule {
    const { tls, grpc, leases, calls, queue: queueLimits } = config;
    const commitmentKey = commitmentKeyOf(config.secrets.commitmentKeyFile);
    const control = () => grpcChannel({ address: grpc.controlAddress, server: serviceName.control, tls });
    return {
      module: class SchedulerModule {},
      providers: [
        provideValue(ClockAndIds, new NodeClockAndIds()),
        provideValue(Telemetry, Telemetry.start('scheduler', config.telemetry)),
        provideValue(ExecutorStreams, new ExecutorStreams()),
        provide(SchedulerSignals, [Telemetry], (telemetry) => new SchedulerSignals(log, telemetry)),
        provide(pg.Pool, [], () =>
          openPool(config.pg, (error) => log.warn({ err: error }, 'an idle database connection broke')),
        ),
        provide(EventLogConnection, [], () => new EventLogConnection(config.eventLog)),
        provide(CallOutbox, [pg.Pool, EventLogConnection, ClockAndIds, Telemetry], (pool, eventLog, ids, telemetry) => {
          const { outboxRowsMax: rowsMax, outboxAgeMsMax: ageMsMax, leaseMs } = calls;
          const migrations = [eventStoreMigrations, ownMigrations];
          const settings = { service: 'scheduler', schema: config.pg.schema, migrations, leaseMs, rowsMax, ageMsMax };
          return new CallOutbox(pool, eventLog, ids, settings, { log, telemetry });
        }),
        provide(Leadership, [pg.Pool], (pool) => new Leadership(pool, log, () => endReplaced(log))),
        provide(ControlEventWriter, [ClockAndIds], (ids) => new ControlEventWriter('scheduler-control', ids)),
        provide(
          CallJournal,
          [CallOutbox, pg.Pool, ClockAndIds],
          ({ writer }, pool, ids) => new OutboxCallJournal(writer, pool, ids),
        ),
        provide(Environments, [pg.Pool, ControlEventWriter], (pool, events) => new PgEnvironments(pool, events)),
        provide(
          Sessions,
          [pg.Pool, ControlEventWriter, ClockAndIds],
          (pool, events, ids) => new PgSessions(pool, events, ids),
        ),
        provide(ExecutorTrail, [pg.Pool, ControlEventWriter], (pool, events) => new PgExecutorTrail(pool, events)),
        provide(SessionTrail, [pg.Pool, ControlEventWriter], (pool, events) => new PgSessionTrail(pool, events)),
        provide(
          WorkQueue,
          [pg.Pool, ControlEventWriter, ClockAndIds],
          (pool, events, ids) => new PgWorkQueue(pool, events, ids, leases.leaseMs),
        ),
        provide(ControlPolicies, [], () => new ControlPolicies(control(), log)),
        provide(EnvironmentKeys, [ControlPolicies], (policies) => new ControlEnvironmentKeys(control(), policies, log)),
        provide(
          SessionMachinery,
          [
            WorkQueue,
            CallJournal,
            ControlPolicies,
            Sessions,
            SessionTrail,
            Environments,
            EnvironmentKeys,
            ExecutorTrail,
            ExecutorStreams,
            ClockAndIds,
            SchedulerSignals,
          ],
          (...[queue, journal, policies, sessions, sessionTrail, environments, keys, trail, link, clock, signals]) =>
            new SessionMachinery(
              { queue, journal, policies, sessions, sessionTrail, environments, keys, trail, link, clock },
              { leases: { ...leases, callsWaitingMax: calls.callsWaitingMax }, calls, queue: queueLimits },
              {
                commitArguments: (callId, json) => commit(commitmentKey, callId, 'arguments', json),
                commitResult: (callId, text) => commit(commitmentKey, callId, 'result', Buffer.from(text)),
              },
              { known: sandboxChecks, namespaceNeeds: namespaceTierChecks },
              signals,
            ),
        ),
        provide(
          ExecutorHost,
          [SessionMachinery, ExecutorStreams, ExecutorTrail, EnvironmentKeys],
          ({ registration, executors, reports, leases: keep, place }, streams, trail, keys) =>
            new ExecutorHost(
              { streams, registration, executors, reports, leases: keep, place, trail, keys, log },
              { ...leases, callBytesMax: calls.callBytesMax, creditsMax, leasesMax },
            ),
        ),
        provide(
          SchedulerLifecycle,
          [SessionMachinery, ExecutorHost, WorkQueue],
          (machinery, host, queue) => new SchedulerLifecycle(machinery, host, queue),
        ),
        provide(
          ExecutorListener,
          [ExecutorHost],
          (host) => new ExecutorListener({ address: grpc.executorAddress, tls }, [host.service()]),
        ),
        provide(
          ServiceListener,
          [SessionMachinery, Environments, Sessions, WorkQueue, ClockAndIds, ExecutorTrail, ExecutorStreams],
          (
            ...[{ callTool, directory, lanes, executors }, environmentViews, sessionViews, queue, ids, trail, streams]
          ) => {
            const environments = new ManageEnvironments(environmentViews, ids);
            const views = { sessions: sessionViews, environments: environmentViews };
            const sessions = new ManageSessions({ ...views, directory, lanes }, ids);
            const drain = new DrainExecutor(environments, executors, trail, streams);
            const parts = { environments, sessions, environmentViews, sessionViews, queue, executors, drain, log };
            return new ServiceListener({ address: grpc.address, tls }, [
              sessionToolService(callTool, log),
              environmentService(parts),
            ]);
          },
        ),
      ],
    };
  },

  log: (config: SchedulerConfig) => createLogger('scheduler', config.log),
};

/** Another scheduler has led while this one was cut off: what is in memory here is worth nothing any more. */
function endReplaced(log: Logger): void {
  log.fatal('another scheduler has led in the meantime: this one ends');
  process.kill(process.pid, 'SIGTERM');
}

function commit(key: Buffer, callId: string, field: 'arguments' | 'result', bytes: Uint8Array) {
  const commitment = payloadCommitment(key, callId, field);
  commitment.update(bytes);
  return commitment.finish();
}

function commitmentKeyOf(file: string): Buffer {
  const key = Buffer.from(readSecretFile(file), 'base64');
  if (key.length !== commitmentKeyBytes)
    throw new RangeError(`${file} must hold ${commitmentKeyBytes} bytes in base 64`);
  return key;
}
