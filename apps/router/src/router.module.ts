import { readFileSync } from 'node:fs';
import type { DynamicModule } from '@nestjs/common';
import { CallOutbox } from '@sallyport/audit-outbox';
import { readSecretFile } from '@sallyport/config';
import { EventLogConnection } from '@sallyport/event-log-adapters';
import { grpcChannel, serviceName } from '@sallyport/grpc';
import { provide, provideValue } from '@sallyport/nest-runtime';
import { openPool } from '@sallyport/pg';
import { createLogger, type Logger, Telemetry } from '@sallyport/telemetry';
import pg from 'pg';
import { NodeClockAndIds } from './adapters/crypto/node-clock-and-ids.ts';
import { ControlClient } from './adapters/grpc/control-client.ts';
import { ControlPrincipals } from './adapters/grpc/control-principals.ts';
import { ControlRoutes } from './adapters/grpc/control-routes.ts';
import { Edges } from './adapters/grpc/edges.ts';
import { SchedulerSessionTools } from './adapters/grpc/scheduler-session-tools.ts';
import { RelayHandler } from './adapters/http/relay-handler.ts';
import { RelayServer } from './adapters/http/relay-server.ts';
import { ResumableCalls } from './adapters/http/resumable-calls.ts';
import { TunnelDestinations } from './adapters/http/tunnel-destinations.ts';
import { OutboxCallRecorder } from './adapters/pg/outbox-call-recorder.ts';
import { SessionDestinations } from './adapters/sessions/session-destinations.ts';
import { SessionHandler } from './adapters/sessions/session-handler.ts';
import { SignallingCallRecorder } from './adapters/telemetry/signalling-call-recorder.ts';
import { InnerConnections } from './adapters/tunnel/inner-connections.ts';
import { TunnelUpstreams } from './adapters/tunnel/tunnel-upstreams.ts';
import { BeginCall } from './application/begin-call.ts';
import { OpenCalls } from './application/open-calls.ts';
import type { RouterConfig } from './config.ts';
import { CallRecorder } from './ports/call-recorder.ts';
import { ClockAndIds } from './ports/clock-and-ids.ts';
import { Principals } from './ports/principals.ts';
import { Routes } from './ports/routes.ts';
import { SessionTools } from './ports/session-tools.ts';
import { callSignals } from './signals.ts';

const commitmentKeyBytes = 32;

/** What a router runs, in the order of starting. */
export const routerServices = [Telemetry, CallOutbox, ControlClient, TunnelUpstreams, RelayServer] as const;

export const RouterModule = {
  with(config: RouterConfig, log: Logger): DynamicModule {
    const { tls, services, limits, http } = config;
    return {
      module: class RouterModule {},
      providers: [
        provideValue(ClockAndIds, new NodeClockAndIds()),
        provideValue(Telemetry, Telemetry.start('router', config.telemetry)),
        provide(pg.Pool, [], () =>
          openPool(config.pg, (error) => log.warn({ err: error }, 'an idle database connection broke')),
        ),
        provide(EventLogConnection, [], () => new EventLogConnection(config.eventLog)),
        provide(CallOutbox, [pg.Pool, EventLogConnection, ClockAndIds, Telemetry], (pool, eventLog, ids, telemetry) => {
          const { leaseMs, outboxRowsMax: rowsMax, outboxAgeMsMax: ageMsMax } = limits;
          return new CallOutbox(
            pool,
            eventLog,
            ids,
            { service: 'router', schema: config.pg.schema, leaseMs, rowsMax, ageMsMax },
            { log, telemetry },
          );
        }),
        provide(
          CallRecorder,
          [CallOutbox, ClockAndIds, Telemetry],
          (outbox, ids, telemetry) =>
            new SignallingCallRecorder(new OutboxCallRecorder(outbox.writer, ids), callSignals(telemetry, log)),
        ),
        provide(
          ControlClient,
          [],
          () =>
            new ControlClient(grpcChannel({ address: services.controlAddress, server: serviceName.control, tls }), log),
        ),
        provide(Routes, [ControlClient], (control) => new ControlRoutes(control)),
        provide(Principals, [ControlClient], (control) => new ControlPrincipals(control)),
        provide(SessionTools, [], () => new SchedulerSessionTools(schedulerChannel(config), limits.callMsMax, log)),
        provide(
          Edges,
          [],
          () =>
            new Edges(services.edgeAddresses.map((address) => grpcChannel({ address, server: serviceName.edge, tls }))),
        ),
        provide(InnerConnections, [Edges], (edges) => {
          const identity = {
            certificatePem: readFileSync(tls.certFile, 'utf8'),
            keyPem: readFileSync(tls.keyFile, 'utf8'),
          };
          return new InnerConnections(edges, identity);
        }),
        provide(
          TunnelUpstreams,
          [Edges, InnerConnections],
          (edges, connections) => new TunnelUpstreams(edges, connections, limits),
        ),
        provide(OpenCalls, [], () => new OpenCalls()),
        provide(ResumableCalls, [], () => new ResumableCalls(limits.resumeMsMax)),
        provide(
          BeginCall,
          [CallRecorder, OpenCalls, ClockAndIds],
          (recorder, open, clock) => new BeginCall(recorder, open, clock, limits.callMsMax),
        ),
        provide(
          RelayHandler,
          [TunnelUpstreams, BeginCall, OpenCalls, ResumableCalls, ClockAndIds, Telemetry],
          (upstreams, begin, open, resumable, ids, telemetry) => {
            const commitmentKey = commitmentKeyOf(config.secrets.commitmentKeyFile);
            return new RelayHandler(upstreams, { begin, open, resumable }, ids, { limits, commitmentKey, telemetry });
          },
        ),
        provide(
          SessionHandler,
          [SessionTools, ClockAndIds, Telemetry],
          (tools, ids, telemetry) =>
            new SessionHandler(tools, ids, log, { bodyBytesMax: limits.bodyBytesMax, telemetry }),
        ),
        provide(
          RelayServer,
          [Routes, RelayHandler, Principals, SessionHandler],
          (routes, relay, principals, sessions) => {
            const served = {
              tunnels: new TunnelDestinations(routes, relay),
              sessions: new SessionDestinations(principals, sessions),
            };
            return new RelayServer({ ...http, ...limits, ...tlsOf(http) }, served, log);
          },
        ),
      ],
    };
  },

  log: (config: RouterConfig) => createLogger('router', config.log),
};

function schedulerChannel({ services, tls }: RouterConfig) {
  const { schedulerAddress: address } = services;
  return address === undefined ? undefined : grpcChannel({ address, server: serviceName.scheduler, tls });
}

function tlsOf({ certFile, keyFile }: RouterConfig['http']) {
  if (certFile === undefined || keyFile === undefined) return {};
  return { tls: { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') } };
}

function commitmentKeyOf(file: string): Buffer {
  const key = Buffer.from(readSecretFile(file), 'base64');
  if (key.length !== commitmentKeyBytes)
    throw new RangeError(`${file} must hold ${commitmentKeyBytes} bytes in base 64`);
  return key;
}
