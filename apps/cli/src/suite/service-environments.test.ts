import { parseConfig } from '@sallyport/config';
import { eventLogConfigSchema } from '@sallyport/event-log-adapters';
import { describe, expect, it } from 'vitest';

import { dataDirectoryAt } from './data-directory.ts';
import type { KafkaOptions } from './kafka-options.ts';
import { inheritedEnvironment, serviceEnvironments, type SuiteWiring } from './service-environments.ts';
import { certifiedServices } from './suite-certificates.ts';
import { suiteSecretsAt } from './suite-secrets.ts';

const tls = (name: string) => ({ certFile: `/${name}.pem`, keyFile: `/${name}.key`, caFile: '/ca.pem' });
const directory = dataDirectoryAt('/data');
const wiring: SuiteWiring = {
  directory,
  certificates: {
    services: Object.fromEntries(
      certifiedServices.map((name) => [name, tls(name)]),
    ) as SuiteWiring['certificates']['services'],
    listener: tls('listener'),
  },
  secrets: suiteSecretsAt(directory.secrets),
  deploymentId: 'deployment',
  routerPort: 8080,
  controlPort: 8081,
  edgePort: 7844,
  samplePort: 3000,
  kafka: undefined,
};

describe('what services are told', () => {
  it('lets them meet on the same sockets, each with its own role', () => {
    const told = serviceEnvironments(wiring);
    expect(told.router.ROUTER_CONTROL_ADDRESS).toBe(told.control.CONTROL_GRPC_ADDRESS);
    expect(told.edge.EDGE_CONTROL_ADDRESS).toBe(told.control.CONTROL_GRPC_ADDRESS);
    expect(told.router.ROUTER_EDGE_ADDRESSES).toBe(told.edge.EDGE_GRPC_ADDRESS);
    expect(told.control.CONTROL_AUDIT_ADDRESS).toBe(told.audit.AUDIT_GRPC_ADDRESS);
    expect(told.router).toMatchObject({
      ROUTER_PG_URL: 'postgresql://router@localhost:5432/sallyport?host=%2Fdata%2Frun%2Fpostgres',
      ROUTER_PG_PASSWORD_FILE: '/data/secrets/postgres-router-password',
    });
  });

  it('never holds a secret itself', () => {
    expect(JSON.stringify(serviceEnvironments(wiring))).not.toMatch(/sk-sallyport|PRIVATE KEY|password":"(?!\/)/);
  });

  it.each<[string, KafkaOptions | undefined]>([
    ['postgres', undefined],
    ['kafka', { brokers: 'a:9092', tls: false }],
    [
      'kafka',
      { brokers: 'a:9093,b:9093', tls: true, caFile: '/ca', sasl: 'scram-sha-512', username: 'u', passwordFile: '/p' },
    ],
  ])('describes an event log in %s as services read it', (kind, kafka) => {
    const told = serviceEnvironments({ ...wiring, kafka });
    for (const [app, env] of [
      ['CONTROL', told.control],
      ['ROUTER', told.router],
      ['AUDIT', told.audit],
    ] as const)
      expect(parseConfig({ eventLog: eventLogConfigSchema(app) }, env).eventLog.kind).toBe(kind);
  });
});

describe('what services take over', () => {
  it('is what bears their name, and what a process needs', () => {
    const env = {
      PATH: '/bin',
      HOME: '/root',
      AWS_SECRET_ACCESS_KEY: 'x',
      ROUTER_LOG_LEVEL: 'debug',
      SAMPLE_SERVER_PORT: '1',
      EDGE_DRAIN_MS: '5',
    };
    expect(inheritedEnvironment(env, 'router')).toEqual({ PATH: '/bin', ROUTER_LOG_LEVEL: 'debug' });
    expect(inheritedEnvironment(env, 'sample-server')).toEqual({ PATH: '/bin', SAMPLE_SERVER_PORT: '1' });
  });
});
