import { eventLogConfigSchema } from '@sallyport/event-log-adapters';
import { tlsFilesSchema } from '@sallyport/grpc';
import { pgConfigSchema } from '@sallyport/pg';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { z } from 'zod';

const count = (preset: number) => z.coerce.number().int().min(1).default(preset);
const heartbeatsPerLease = 3;

/** `wrkspc_…=weight:leases,…`: workspaces whose share differs from the default. */
const shares = z.string().transform((text, context) => {
  const read = new Map<string, { readonly weight: number; readonly leasesMax: number }>();
  for (const item of text.split(',').filter((each) => each.trim() !== '')) {
    const [, workspaceId, weight, leasesMax] = /^\s*([a-z0-9_]+)=(\d{1,4}):(\d{1,6})\s*$/.exec(item) ?? [];
    if (workspaceId === undefined || Number(weight) < 1) {
      context.addIssue({ code: 'custom', message: 'write WORKSPACE=WEIGHT:LEASES, with commas between workspaces' });
      return z.NEVER;
    }
    read.set(workspaceId, { weight: Number(weight), leasesMax: Number(leasesMax) });
  }
  return read;
});

/** Everything that a scheduler takes from its environment. */
export const schedulerConfigSections = {
  pg: pgConfigSchema('SCHEDULER', { schema: 'scheduler', connectionsMax: 10 }),
  eventLog: eventLogConfigSchema('SCHEDULER'),
  tls: tlsFilesSchema('SCHEDULER'),
  log: logConfigSchema('SCHEDULER'),
  telemetry: telemetryConfigSchema('SCHEDULER'),
  grpc: z
    .object({
      SCHEDULER_GRPC_ADDRESS: z.string().min(1),
      SCHEDULER_EXECUTOR_ADDRESS: z.string().min(1),
      SCHEDULER_CONTROL_ADDRESS: z.string().min(1),
    })
    .transform((env) => ({
      address: env.SCHEDULER_GRPC_ADDRESS,
      executorAddress: env.SCHEDULER_EXECUTOR_ADDRESS,
      controlAddress: env.SCHEDULER_CONTROL_ADDRESS,
    })),
  leases: z
    .object({
      SCHEDULER_LEASE_MS: z.coerce.number().int().min(1_000).default(15_000),
      SCHEDULER_PLACE_MS_MAX: count(60_000),
      SCHEDULER_START_MS_MAX: count(30_000),
      SCHEDULER_SESSION_IDLE_MS_MAX: count(30 * 60_000),
      SCHEDULER_OBEY_MS_MAX: count(5_000),
      SCHEDULER_EXECUTORS_MAX: count(1_000),
    })
    .transform((env) => ({
      leaseMs: env.SCHEDULER_LEASE_MS,
      heartbeatMs: Math.floor(env.SCHEDULER_LEASE_MS / heartbeatsPerLease),
      placeMsMax: env.SCHEDULER_PLACE_MS_MAX,
      startMsMax: env.SCHEDULER_START_MS_MAX,
      idleMsMax: env.SCHEDULER_SESSION_IDLE_MS_MAX,
      obeyMsMax: env.SCHEDULER_OBEY_MS_MAX,
      executorsMax: env.SCHEDULER_EXECUTORS_MAX,
    })),
  calls: z
    .object({
      SCHEDULER_CALL_MS_MAX: count(10 * 60_000),
      SCHEDULER_ANSWER_GRACE_MS: count(5_000),
      SCHEDULER_CALL_LEASE_MS: count(15_000),
      SCHEDULER_CALLS_WAITING_MAX: count(16),
      SCHEDULER_CALL_BYTES_MAX: count(1024 * 1024),
      SCHEDULER_OUTBOX_ROWS_MAX: count(1_000_000),
      SCHEDULER_OUTBOX_AGE_MS_MAX: count(60 * 60_000),
    })
    .transform((env) => ({
      callMsMax: env.SCHEDULER_CALL_MS_MAX,
      answerGraceMs: env.SCHEDULER_ANSWER_GRACE_MS,
      leaseMs: env.SCHEDULER_CALL_LEASE_MS,
      callsWaitingMax: env.SCHEDULER_CALLS_WAITING_MAX,
      callBytesMax: env.SCHEDULER_CALL_BYTES_MAX,
      outboxRowsMax: env.SCHEDULER_OUTBOX_ROWS_MAX,
      outboxAgeMsMax: env.SCHEDULER_OUTBOX_AGE_MS_MAX,
    })),
  queue: z
    .object({
      SCHEDULER_QUEUE_DEPTH_MAX: count(10_000),
      SCHEDULER_QUEUED_PER_WORKSPACE_MAX: count(1_000),
      SCHEDULER_LEASES_PER_WORKSPACE_MAX: count(1_000),
      SCHEDULER_WORKSPACE_SHARES: shares.default(new Map()),
    })
    .transform((env) => {
      const standard = { weight: 1, leasesMax: env.SCHEDULER_LEASES_PER_WORKSPACE_MAX };
      return {
        queueDepthMax: env.SCHEDULER_QUEUE_DEPTH_MAX,
        queuedPerWorkspaceMax: env.SCHEDULER_QUEUED_PER_WORKSPACE_MAX,
        share: (workspaceId: string) => env.SCHEDULER_WORKSPACE_SHARES.get(workspaceId) ?? standard,
      };
    }),
  secrets: z
    .object({ SCHEDULER_COMMITMENT_KEY_FILE: z.string().min(1) })
    .transform((env) => ({ commitmentKeyFile: env.SCHEDULER_COMMITMENT_KEY_FILE })),
} as const;

export type SchedulerConfig = {
  readonly [Section in keyof typeof schedulerConfigSections]: z.output<(typeof schedulerConfigSections)[Section]>;
};
