import { eventLogConfigSchema } from '@sallyport/event-log-adapters';
import { tlsFilesSchema } from '@sallyport/grpc';
import { pgConfigSchema } from '@sallyport/pg';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { z } from 'zod';

const path = z.string().min(1);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const count = (preset: number) => z.coerce.number().int().min(1).default(preset);

/** Everything that a router takes from its environment. */
export const routerConfigSections = {
  pg: pgConfigSchema('ROUTER', { schema: 'router', connectionsMax: 8 }),
  eventLog: eventLogConfigSchema('ROUTER'),
  tls: tlsFilesSchema('ROUTER'),
  log: logConfigSchema('ROUTER'),
  telemetry: telemetryConfigSchema('ROUTER'),
  services: z
    .object({
      ROUTER_CONTROL_ADDRESS: z.string().min(1),
      ROUTER_EDGE_ADDRESSES: list,
      ROUTER_SCHEDULER_ADDRESS: z.string().min(1).optional(),
    })
    .transform((env) => ({
      controlAddress: env.ROUTER_CONTROL_ADDRESS,
      edgeAddresses: env.ROUTER_EDGE_ADDRESSES,
      schedulerAddress: env.ROUTER_SCHEDULER_ADDRESS,
    })),
  http: z
    .object({
      ROUTER_HTTP_HOST: z.string().default('127.0.0.1'),
      ROUTER_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8_080),
      ROUTER_HTTP_CERT_FILE: path.optional(),
      ROUTER_HTTP_KEY_FILE: path.optional(),
      ROUTER_OWN_HOSTS: list.default([]),
      ROUTER_ALLOWED_ORIGINS: list.default([]),
    })
    .refine((env) => (env.ROUTER_HTTP_CERT_FILE === undefined) === (env.ROUTER_HTTP_KEY_FILE === undefined), {
      message: 'certificate and key go together',
      path: ['ROUTER_HTTP_CERT_FILE'],
    })
    .refine(
      (env) =>
        env.ROUTER_HTTP_CERT_FILE !== undefined || ['127.0.0.1', '::1', 'localhost'].includes(env.ROUTER_HTTP_HOST),
      {
        message:
          'without a certificate the router listens on loopback only: set ROUTER_HTTP_CERT_FILE and ROUTER_HTTP_KEY_FILE',
        path: ['ROUTER_HTTP_HOST'],
      },
    )
    .transform((env) => ({
      host: env.ROUTER_HTTP_HOST,
      port: env.ROUTER_HTTP_PORT,
      certFile: env.ROUTER_HTTP_CERT_FILE,
      keyFile: env.ROUTER_HTTP_KEY_FILE,
      ownHosts: env.ROUTER_OWN_HOSTS,
      allowedOrigins: env.ROUTER_ALLOWED_ORIGINS,
    })),
  limits: z
    .object({
      ROUTER_BODY_BYTES_MAX: count(4 * 1024 * 1024),
      ROUTER_BODY_BYTES_TOTAL_MAX: count(256 * 1024 * 1024),
      ROUTER_LIST_BYTES_MAX: count(4 * 1024 * 1024),
      ROUTER_REQUESTS_MAX: count(10_000),
      ROUTER_REQUESTS_PER_PRINCIPAL_MAX: count(2_500),
      ROUTER_CALL_MS_MAX: count(60 * 60_000),
      ROUTER_RESPONSE_HEAD_MS_MAX: count(5 * 60_000),
      ROUTER_RESUME_MS_MAX: count(60_000),
      ROUTER_LEASE_MS: count(15_000),
      ROUTER_OUTBOX_ROWS_MAX: count(1_000_000),
      ROUTER_OUTBOX_AGE_MS_MAX: count(60 * 60_000),
    })
    .transform((env) => ({
      bodyBytesMax: env.ROUTER_BODY_BYTES_MAX,
      bodyBytesTotalMax: env.ROUTER_BODY_BYTES_TOTAL_MAX,
      listBytesMax: env.ROUTER_LIST_BYTES_MAX,
      requestsMax: env.ROUTER_REQUESTS_MAX,
      requestsPerPrincipalMax: env.ROUTER_REQUESTS_PER_PRINCIPAL_MAX,
      callMsMax: env.ROUTER_CALL_MS_MAX,
      responseHeadMsMax: env.ROUTER_RESPONSE_HEAD_MS_MAX,
      resumeMsMax: env.ROUTER_RESUME_MS_MAX,
      leaseMs: env.ROUTER_LEASE_MS,
      outboxRowsMax: env.ROUTER_OUTBOX_ROWS_MAX,
      outboxAgeMsMax: env.ROUTER_OUTBOX_AGE_MS_MAX,
    })),
  secrets: z
    .object({ ROUTER_COMMITMENT_KEY_FILE: path })
    .transform((env) => ({ commitmentKeyFile: env.ROUTER_COMMITMENT_KEY_FILE })),
} as const;

export type RouterConfig = {
  readonly [Section in keyof typeof routerConfigSections]: z.output<(typeof routerConfigSections)[Section]>;
};
