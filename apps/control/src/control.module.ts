import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DynamicModule } from '@nestjs/common';
import { readSecretFile } from '@sallyport/config';
import { EventLogConnection } from '@sallyport/event-log-adapters';
import { grpcChannel, GrpcServer, serviceName } from '@sallyport/grpc';
import { provide, provideValue, type RestListener } from '@sallyport/nest-runtime';
import { openPool } from '@sallyport/pg';
import { createLogger, type Logger, Telemetry } from '@sallyport/telemetry';
import { canonicalize } from '@sallyport/transparency-log';
import pg from 'pg';
import { NodeClockAndIds } from './adapters/crypto/node-clock-and-ids.ts';
import { SealedTunnelSecrets } from './adapters/crypto/sealed-tunnel-secrets.ts';
import { X509CaCertificates } from './adapters/crypto/x509-ca-certificates.ts';
import { environmentKeyService } from './adapters/grpc/environment-key-handlers.ts';
import { GrpcAuditTrail } from './adapters/grpc/grpc-audit-trail.ts';
import { routeService } from './adapters/grpc/route-handlers.ts';
import { SchedulerEnvironments } from './adapters/grpc/scheduler-environments.ts';
import { tunnelTokenService } from './adapters/grpc/tunnel-token-handlers.ts';
import { aroundRequest, unroutable } from './adapters/http/around-request.ts';
import { auditController } from './adapters/http/audit-controller.ts';
import { Callers } from './adapters/http/callers.ts';
import { certificatesController } from './adapters/http/certificates-controller.ts';
import { environmentKeysController } from './adapters/http/environment-keys-controller.ts';
import { environmentsController } from './adapters/http/environments-controller.ts';
import { sessionsController } from './adapters/http/sessions-controller.ts';
import { tunnelsController } from './adapters/http/tunnels-controller.ts';
import { workspacesController } from './adapters/http/workspaces-controller.ts';
import { ControlChanges } from './adapters/pg/control-changes.ts';
import { ControlSchema } from './adapters/pg/control-schema.ts';
import { OutboxRelayService } from './adapters/pg/outbox-relay-service.ts';
import { PgAuditReads } from './adapters/pg/pg-audit-reads.ts';
import { PgEnvironmentKeys } from './adapters/pg/pg-environment-keys.ts';
import { PgRoutes } from './adapters/pg/pg-routes.ts';
import { PgTunnelDirectory } from './adapters/pg/pg-tunnel-directory.ts';
import { PgTunnelStreams } from './adapters/pg/pg-tunnel-streams.ts';
import { PgWorkspaces } from './adapters/pg/pg-workspaces.ts';
import { ChangeTunnel } from './application/change-tunnel.ts';
import { CreateEnvironmentKey } from './application/create-environment-key.ts';
import { CreateTunnel } from './application/create-tunnel.ts';
import { ChangePolicy, CreateApiKey } from './application/manage-workspaces.ts';
import { ResolveRoute } from './application/resolve-route.ts';
import { CheckTunnelToken, TunnelTokens } from './application/tunnel-tokens.ts';
import type { ControlConfig } from './config.ts';
import { AuditReads } from './ports/audit-reads.ts';
import { AuditTrail } from './ports/audit-trail.ts';
import { CaCertificates } from './ports/ca-certificates.ts';
import { ClockAndIds } from './ports/clock-and-ids.ts';
import { EnvironmentKeys } from './ports/environment-keys.ts';
import { Environments } from './ports/environments.ts';
import { Routes } from './ports/routes.ts';
import { TunnelDirectory } from './ports/tunnel-directory.ts';
import { TunnelSecrets } from './ports/tunnel-secrets.ts';
import { TunnelStreams } from './ports/tunnel-streams.ts';
import { Workspaces } from './ports/workspaces.ts';

const bodyBytesMax = 256 * 1024;

/** What control runs, in the order of starting. */
export const controlServices = [Telemetry, ControlSchema, OutboxRelayService, GrpcServer, PgRoutes] as const;

const controllers = [
  tunnelsController,
  certificatesController,
  workspacesController,
  environmentsController,
  environmentKeysController,
  sessionsController,
  auditController,
];

export interface ControlObservers {
  readonly log: Logger;
  readonly telemetry: Telemetry;
}

export const ControlModule = {
  with(config: ControlConfig, { log, telemetry }: ControlObservers): DynamicModule {
    const { operatorKeyFile, sealingKeyFile } = config.secrets;
    return {
      module: class ControlModule {},
      controllers,
      providers: [
        provideValue(Telemetry, telemetry),
        provideValue(ClockAndIds, new NodeClockAndIds()),
        provideValue(CaCertificates, new X509CaCertificates()),
        provide(TunnelSecrets, [], () => new SealedTunnelSecrets(readSecretFile(sealingKeyFile))),
        provide(pg.Pool, [], () =>
          openPool(config.pg, (error) => log.warn({ err: error }, 'an idle database connection broke')),
        ),
        provide(EventLogConnection, [], () => new EventLogConnection(config.eventLog)),
        provide(
          ControlSchema,
          [pg.Pool],
          (pool) =>
            new ControlSchema(
              pool,
              config.pg.schema,
              operatorKeyFile === undefined ? undefined : readSecretFile(operatorKeyFile),
            ),
        ),
        provide(
          OutboxRelayService,
          [pg.Pool, EventLogConnection],
          (pool, eventLog) => new OutboxRelayService(pool, eventLog, log, telemetry),
        ),
        provide(ControlChanges, [ClockAndIds], (ids) => new ControlChanges(ids)),
        provide(TunnelStreams, [pg.Pool, ControlChanges], (pool, changes) => new PgTunnelStreams(pool, changes)),
        provide(TunnelDirectory, [pg.Pool], (pool) => new PgTunnelDirectory(pool)),
        provide(Workspaces, [pg.Pool, ControlChanges], (pool, changes) => new PgWorkspaces(pool, changes)),
        provide(AuditReads, [pg.Pool, ControlChanges], (pool, changes) => new PgAuditReads(pool, changes)),
        provide(EnvironmentKeys, [pg.Pool, ControlChanges], (pool, changes) => new PgEnvironmentKeys(pool, changes)),
        provide(Environments, [], () => new SchedulerEnvironments(schedulerChannel(config))),
        provide(PgRoutes, [pg.Pool], (pool) => new PgRoutes(pool)),
        provide(Routes, [PgRoutes], (routes) => routes),
        provide(
          AuditTrail,
          [],
          () =>
            new GrpcAuditTrail(
              grpcChannel({ address: config.grpc.auditAddress, server: serviceName.audit, tls: config.tls }),
            ),
        ),
        provide(Callers, [Workspaces], (workspaces) => new Callers(workspaces)),
        provide(
          CreateTunnel,
          [TunnelStreams, TunnelDirectory, TunnelSecrets, ClockAndIds],
          (streams, directory, secrets, ids) => new CreateTunnel(streams, directory, secrets, ids, config.tunnels),
        ),
        provide(
          ChangeTunnel,
          [TunnelStreams, TunnelDirectory],
          (streams, directory) => new ChangeTunnel(streams, directory),
        ),
        provide(
          TunnelTokens,
          [ChangeTunnel, TunnelSecrets, ClockAndIds, TunnelDirectory],
          (change, secrets, ids, directory) => new TunnelTokens(change, secrets, ids, directory),
        ),
        provide(
          CreateApiKey,
          [Workspaces, ClockAndIds],
          (workspaces, ids) => new CreateApiKey(workspaces, ids, sha256),
        ),
        provide(
          CreateEnvironmentKey,
          [EnvironmentKeys, Environments, ClockAndIds],
          (keys, environments, ids) => new CreateEnvironmentKey(keys, environments, ids, sha256),
        ),
        provide(ChangePolicy, [Workspaces], (workspaces) => new ChangePolicy(workspaces, canonicalSha256)),
        provide(ResolveRoute, [Routes], (routes) => new ResolveRoute(routes)),
        provide(
          CheckTunnelToken,
          [Routes],
          (routes) => new CheckTunnelToken(routes, (secret, expected) => timingSafeEqual(sha256(secret), expected)),
        ),
        provide(
          GrpcServer,
          [CheckTunnelToken, ResolveRoute, Routes, EnvironmentKeys],
          (check, resolve, routes, keys) =>
            new GrpcServer({ address: config.grpc.address, tls: config.tls }, [
              tunnelTokenService(check, log),
              routeService(resolve, routes, log),
              environmentKeyService(keys, log),
            ]),
        ),
      ],
    };
  },

  rest(config: ControlConfig, { log, telemetry }: ControlObservers): RestListener {
    const { host, port, certFile, keyFile } = config.http;
    const tls =
      certFile === undefined || keyFile === undefined
        ? {}
        : { tls: { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') } };
    return { host, port, bodyBytesMax, around: aroundRequest(log, telemetry), unroutable, ...tls };
  },

  observers: (config: ControlConfig): ControlObservers => ({
    log: createLogger('control', config.log),
    telemetry: Telemetry.start('control', config.telemetry),
  }),
};

function schedulerChannel({ grpc, tls }: ControlConfig) {
  const { schedulerAddress: address } = grpc;
  return address === undefined ? undefined : grpcChannel({ address, server: serviceName.scheduler, tls });
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

function canonicalSha256(value: unknown): string {
  const text = canonicalize(value);
  if (!text.ok) throw new Error(`a policy has no canonical form: ${text.reason}`);
  return sha256(text.value).toString('hex');
}
