import { join } from 'node:path';

import type { TlsFiles } from '@sallyport/grpc';

import { databaseUrl } from '../adapters/pg/suite-database.ts';
import type { DataDirectory } from './data-directory.ts';
import { kafkaEnvironment, type KafkaOptions } from './kafka-options.ts';
import type { SuiteCertificates } from './suite-certificates.ts';
import type { SuiteSecrets } from './suite-secrets.ts';

export interface SuiteWiring {
  readonly directory: DataDirectory;
  readonly certificates: SuiteCertificates;
  readonly secrets: SuiteSecrets;
  readonly deploymentId: string;
  readonly routerPort: number;
  readonly controlPort: number;
  readonly edgePort: number;
  readonly samplePort: number;
  /** Undefined: the event log is a table of the suite's database. */
  readonly kafka: KafkaOptions | undefined;
}

type Environment = Readonly<Record<string, string>>;

/** Tunnels of a suite are below this name; `*.localhost` is the machine itself, for browsers and curl too (RFC 6761 §6.3). */
const tunnelDomainSuffix = 'tunnel.localhost';
const drainMs = '3000';

export function postgresSockets(directory: DataDirectory): string {
  return join(directory.sockets, 'postgres');
}

/** Where services listen for each other; the scheduler has a place of its own for executors. */
export type SocketName = 'control' | 'edge' | 'audit' | 'scheduler' | 'scheduler-executors';

export function serviceSocket(directory: DataDirectory, service: SocketName): string {
  return join(directory.sockets, `${service}.sock`);
}

/** What each service is told, beyond what the person who started the suite gave it. */
export function serviceEnvironments(wiring: SuiteWiring) {
  const { directory, secrets, certificates } = wiring;
  const address = (service: SocketName) => `unix:${serviceSocket(directory, service)}`;
  return {
    control: {
      ...database('CONTROL', 'control', wiring),
      ...tls('CONTROL', certificates.services.control),
      CONTROL_GRPC_ADDRESS: address('control'),
      CONTROL_AUDIT_ADDRESS: address('audit'),
      CONTROL_SCHEDULER_ADDRESS: address('scheduler'),
      CONTROL_HTTP_HOST: '127.0.0.1',
      CONTROL_HTTP_PORT: String(wiring.controlPort),
      CONTROL_SEALING_KEY_FILE: secrets.sealingKey,
      CONTROL_OPERATOR_KEY_FILE: secrets.operatorKey,
      CONTROL_TUNNEL_DOMAIN_SUFFIX: tunnelDomainSuffix,
    },
    audit: {
      ...database('AUDIT', 'audit', wiring),
      ...tls('AUDIT', certificates.services.audit),
      AUDIT_GRPC_ADDRESS: address('audit'),
      AUDIT_DEPLOYMENT_ID: wiring.deploymentId,
      AUDIT_SIGNING_KEY_FILE: secrets.signingKey,
      AUDIT_SIGNER_STATE_DIR: join(directory.secrets, 'checkpoints'),
    },
    edge: {
      ...tls('EDGE', certificates.services.edge),
      EDGE_CONNECTOR_HOST: '127.0.0.1',
      EDGE_CONNECTOR_PORT: String(wiring.edgePort),
      EDGE_CONNECTOR_CERT_FILE: certificates.listener.certFile,
      EDGE_CONNECTOR_KEY_FILE: certificates.listener.keyFile,
      EDGE_GRPC_ADDRESS: address('edge'),
      EDGE_CONTROL_ADDRESS: address('control'),
      EDGE_DRAIN_MS: drainMs,
    },
    router: {
      ...database('ROUTER', 'router', wiring),
      ...tls('ROUTER', certificates.services.router),
      ROUTER_CONTROL_ADDRESS: address('control'),
      ROUTER_EDGE_ADDRESSES: address('edge'),
      ROUTER_SCHEDULER_ADDRESS: address('scheduler'),
      ROUTER_HTTP_HOST: '127.0.0.1',
      ROUTER_HTTP_PORT: String(wiring.routerPort),
      ROUTER_COMMITMENT_KEY_FILE: secrets.commitmentKey,
    },
    scheduler: {
      ...database('SCHEDULER', 'scheduler', wiring),
      ...tls('SCHEDULER', certificates.services.scheduler),
      SCHEDULER_GRPC_ADDRESS: address('scheduler'),
      SCHEDULER_EXECUTOR_ADDRESS: address('scheduler-executors'),
      SCHEDULER_CONTROL_ADDRESS: address('control'),
      SCHEDULER_COMMITMENT_KEY_FILE: secrets.commitmentKey,
    },
    executor: {
      ...tls('EXECUTOR', certificates.services.executor),
      EXECUTOR_SCHEDULER_ADDRESS: address('scheduler-executors'),
      EXECUTOR_ENVIRONMENT_KEY_FILE: secrets.environmentKey,
      EXECUTOR_STATE_DIR: join(directory.executor, 'state'),
      EXECUTOR_CACHE_DIR: join(directory.executor, 'cache'),
      EXECUTOR_DRAIN_MS: drainMs,
    },
    'sample-server': { SAMPLE_SERVER_PORT: String(wiring.samplePort) },
    connector: {},
  } as const satisfies Record<string, Environment>;
}

/** What a child may take over from the environment of whoever started the suite: its own settings, and what a process needs to run. */
export function inheritedEnvironment(env: Readonly<Record<string, string | undefined>>, service: string): Environment {
  const own = `${service.toUpperCase().replaceAll('-', '_')}_`;
  const general = new Set(['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS']);
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (general.has(entry[0]) || entry[0].startsWith(own)),
    ),
  );
}

function tls(app: string, files: TlsFiles): Environment {
  return {
    [`${app}_TLS_CERT_FILE`]: files.certFile,
    [`${app}_TLS_KEY_FILE`]: files.keyFile,
    [`${app}_TLS_CA_FILE`]: files.caFile,
  };
}

/** A service reads and appends to the event log with its own role; what that may do, the grants say. */
function database(app: string, role: 'control' | 'router' | 'scheduler' | 'audit', wiring: SuiteWiring): Environment {
  const url = databaseUrl(postgresSockets(wiring.directory), role);
  const passwordFile = wiring.secrets.rolePassword[role];
  return {
    [`${app}_PG_URL`]: url,
    [`${app}_PG_PASSWORD_FILE`]: passwordFile,
    ...(wiring.kafka === undefined
      ? {
          [`${app}_EVENT_LOG`]: 'postgres',
          [`${app}_EVENT_LOG_PG_URL`]: url,
          [`${app}_EVENT_LOG_PG_PASSWORD_FILE`]: passwordFile,
        }
      : { [`${app}_EVENT_LOG`]: 'kafka', ...kafkaEnvironment(`${app}_EVENT_LOG`, wiring.kafka) }),
  };
}
