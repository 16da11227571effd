import { auditTopic } from '@sallyport/audit-events';
import { eventLogConfigSchema } from '@sallyport/event-log-adapters';
import { tlsFilesSchema } from '@sallyport/grpc';
import { pgConfigSchema } from '@sallyport/pg';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { logOrigin } from '@sallyport/transparency-log';
import { z } from 'zod';

const path = z.string().min(1);
const bounded = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** The topics that have a log, in the order in which logs are listed. */
const ledgerTopics = [auditTopic.toolcall, auditTopic.control] as const;

/** Everything that audit takes from its environment. */
export const auditConfigSections = {
  pg: pgConfigSchema('AUDIT', { schema: 'audit', connectionsMax: 12 }),
  eventLog: eventLogConfigSchema('AUDIT'),
  tls: tlsFilesSchema('AUDIT'),
  log: logConfigSchema('AUDIT'),
  telemetry: telemetryConfigSchema('AUDIT'),
  grpc: z.object({ AUDIT_GRPC_ADDRESS: z.string().min(1) }).transform((env) => ({ address: env.AUDIT_GRPC_ADDRESS })),
  logs: z
    .object({
      AUDIT_ORIGIN_HOST: z
        .string()
        .regex(/^[A-Za-z0-9.-]{1,253}$/)
        .default('sallyport.internal'),
      AUDIT_DEPLOYMENT_ID: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
      AUDIT_EPOCH: bounded(1, 1, 999_999_999),
    })
    .transform((env) => ({
      deployment: env.AUDIT_DEPLOYMENT_ID,
      logs: ledgerTopics.map((topic) => ({
        topic,
        origin: logOrigin({
          host: env.AUDIT_ORIGIN_HOST,
          deployment: env.AUDIT_DEPLOYMENT_ID,
          epoch: env.AUDIT_EPOCH,
          topic,
        }),
      })),
    })),
  signing: z
    .object({
      AUDIT_SIGNING_KEY_FILE: path,
      AUDIT_SIGNER_STATE_DIR: path,
      AUDIT_CHECKPOINT_INTERVAL_MS: bounded(1_000, 50, 3_600_000),
      AUDIT_CHECKPOINT_LEAVES: bounded(1_000, 1, 1_000_000),
    })
    .transform((env) => ({
      keyFile: env.AUDIT_SIGNING_KEY_FILE,
      stateDirectory: env.AUDIT_SIGNER_STATE_DIR,
      intervalMs: env.AUDIT_CHECKPOINT_INTERVAL_MS,
      leaves: env.AUDIT_CHECKPOINT_LEAVES,
    })),
  ingest: z
    .object({ AUDIT_BATCH_RECORDS_MAX: bounded(1_000, 1, 5_000) })
    .transform((env) => ({ batchRecordsMax: env.AUDIT_BATCH_RECORDS_MAX })),
  tail: z
    .object({
      AUDIT_TAIL_EVENTS_MAX: bounded(10_000, 1, 1_000_000),
      AUDIT_TAIL_CHARACTERS_MAX: bounded(16_000_000, 1_000, 1_000_000_000),
    })
    .transform((env) => ({ eventsMax: env.AUDIT_TAIL_EVENTS_MAX, charactersMax: env.AUDIT_TAIL_CHARACTERS_MAX })),
} as const;

export type AuditConfig = {
  readonly [Section in keyof typeof auditConfigSections]: z.output<(typeof auditConfigSections)[Section]>;
};
