import { z } from 'zod';
import { eventLogConfigSchema } from '@sallyport/event-log-adapters';
import { tlsFilesSchema } from '@sallyport/grpc';
import { pgConfigSchema } from '@sallyport/pg';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';

const path = z.string().min(1);

/** Everything that control takes from its environment. */
export const controlConfigSections = {
  pg: pgConfigSchema('CONTROL', { schema: 'control', connectionsMax: 10 }),
  eventLog: eventLogConfigSchema('CONTROL'),
  tls: tlsFilesSchema('CONTROL'),
  log: logConfigSchema('CONTROL'),
  telemetry: telemetryConfigSchema('CONTROL'),
  grpc: z
    .object({
      CONTROL_GRPC_ADDRESS: z.string().min(1),
      CONTROL_AUDIT_ADDRESS: z.string().min(1),
      CONTROL_SCHEDULER_ADDRESS: z.string().min(1).optional(),
    })
    .transform((env) => ({
      address: env.CONTROL_GRPC_ADDRESS,
      auditAddress: env.CONTROL_AUDIT_ADDRESS,
      schedulerAddress: env.CONTROL_SCHEDULER_ADDRESS,
    })),
  http: z
    .object({
      CONTROL_HTTP_HOST: z.string().default('127.0.0.1'),
      CONTROL_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8_081),
      CONTROL_HTTP_CERT_FILE: path.optional(),
      CONTROL_HTTP_KEY_FILE: path.optional(),
    })
    .refine((env) => (env.CONTROL_HTTP_CERT_FILE === undefined) === (env.CONTROL_HTTP_KEY_FILE === undefined), {
      message: 'certificate and key go together',
      path: ['CONTROL_HTTP_CERT_FILE'],
    })
    .refine(
      (env) =>
        env.CONTROL_HTTP_CERT_FILE !== undefined || ['127.0.0.1', '::1', 'localhost'].includes(env.CONTROL_HTTP_HOST),
      {
        message:
          'without a certificate control listens on loopback only: set CONTROL_HTTP_CERT_FILE and CONTROL_HTTP_KEY_FILE',
        path: ['CONTROL_HTTP_HOST'],
      },
    )
    .transform((env) => ({
      host: env.CONTROL_HTTP_HOST,
      port: env.CONTROL_HTTP_PORT,
      certFile: env.CONTROL_HTTP_CERT_FILE,
      keyFile: env.CONTROL_HTTP_KEY_FILE,
    })),
  secrets: z
    .object({ CONTROL_SEALING_KEY_FILE: path, CONTROL_OPERATOR_KEY_FILE: path.optional() })
    .transform((env) => ({
      sealingKeyFile: env.CONTROL_SEALING_KEY_FILE,
      operatorKeyFile: env.CONTROL_OPERATOR_KEY_FILE,
    })),
  tunnels: z
    .object({
      CONTROL_TUNNEL_DOMAIN_SUFFIX: z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/),
      CONTROL_ACTIVE_TUNNELS_MAX: z.coerce.number().int().min(1).default(10),
    })
    .transform((env) => ({
      domainSuffix: env.CONTROL_TUNNEL_DOMAIN_SUFFIX,
      activeTunnelsMax: env.CONTROL_ACTIVE_TUNNELS_MAX,
    })),
} as const;

export type ControlConfig = {
  readonly [Section in keyof typeof controlConfigSections]: z.output<(typeof controlConfigSections)[Section]>;
};
