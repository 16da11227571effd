import { availableParallelism, totalmem } from 'node:os';

import { tlsFilesSchema } from '@sallyport/grpc';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { z } from 'zod';

const path = z.string().min(1);
const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

const slotsPerCore = 4;
const slotsDefaultMax = 32;
/** What sandboxes may take of the host's memory where `EXECUTOR_SLOTS` is not set. */
const memoryShare = 0.75;
const labelsMax = 64;

/** `a=b,c=d`. */
const labels = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((each) => each !== ''))
  .pipe(
    z
      .array(z.string().regex(/^[a-z0-9][a-z0-9._/-]{0,62}=[A-Za-z0-9._-]{0,63}$/, 'must be name=value,name=value'))
      .max(labelsMax),
  )
  .transform((pairs) => Object.fromEntries(pairs.map((pair) => splitAt(pair, pair.indexOf('=')))));

/** The whole configuration of an executor, by section. */
export const executorConfigSections = {
  scheduler: z
    .object({
      EXECUTOR_SCHEDULER_ADDRESS: z.string().min(1),
      EXECUTOR_ENVIRONMENT_KEY_FILE: path,
      EXECUTOR_REGION: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/)
        .optional(),
      EXECUTOR_LABELS: labels,
    })
    .transform((env) => ({
      address: env.EXECUTOR_SCHEDULER_ADDRESS,
      environmentKeyFile: env.EXECUTOR_ENVIRONMENT_KEY_FILE,
      region: env.EXECUTOR_REGION ?? '',
      labels: env.EXECUTOR_LABELS,
    })),
  sandboxes: z
    .object({
      EXECUTOR_DRIVER: z.enum(['namespace']).default('namespace'),
      EXECUTOR_STATE_DIR: path,
      EXECUTOR_CACHE_DIR: path,
      EXECUTOR_SLOTS: count(1, 1_000).optional(),
      EXECUTOR_MEMORY_MIB: count(64, 1_048_576).default(1_024),
      EXECUTOR_PIDS: count(16, 32_768).default(256),
      EXECUTOR_CPU_MILLIS: count(50, 256_000).default(1_000),
      EXECUTOR_WORKSPACE_MIB: count(1, 1_048_576).default(512),
      EXECUTOR_INSECURE_NO_ISOLATION: z.enum(['on', 'off']).default('off'),
    })
    .transform((env) => ({
      driver: env.EXECUTOR_DRIVER,
      stateDir: env.EXECUTOR_STATE_DIR,
      cacheDir: env.EXECUTOR_CACHE_DIR,
      slots:
        env.EXECUTOR_SLOTS ??
        slotsOf(availableParallelism(), totalmem() / 1_048_576, env.EXECUTOR_MEMORY_MIB + env.EXECUTOR_WORKSPACE_MIB),
      limits: {
        memoryMib: env.EXECUTOR_MEMORY_MIB,
        pids: env.EXECUTOR_PIDS,
        cpuMillis: env.EXECUTOR_CPU_MILLIS,
        workspaceMib: env.EXECUTOR_WORKSPACE_MIB,
      },
      insecureNoIsolation: env.EXECUTOR_INSECURE_NO_ISOLATION === 'on',
    })),
  drain: z
    .object({ EXECUTOR_DRAIN_MS: count(0, 3_600_000).default(10_000) })
    .transform((env) => ({ drainMs: env.EXECUTOR_DRAIN_MS })),
  tls: tlsFilesSchema('EXECUTOR'),
  log: logConfigSchema('EXECUTOR'),
  telemetry: telemetryConfigSchema('EXECUTOR'),
};

export type ExecutorConfig = {
  readonly [Name in keyof typeof executorConfigSections]: z.output<(typeof executorConfigSections)[Name]>;
};

/**
 * Sandboxes that a host can bear: many wait most of the time, so there are more than cores; memory, of which the workspace is a part, is never
 * promised twice.
 */
export function slotsOf(cores: number, hostMemoryMib: number, sandboxMemoryMib: number): number {
  const byMemory = Math.floor((hostMemoryMib * memoryShare) / sandboxMemoryMib);
  return Math.max(1, Math.min(slotsDefaultMax, cores * slotsPerCore, byMemory));
}

function splitAt(text: string, at: number): readonly [string, string] {
  return [text.slice(0, at), text.slice(at + 1)];
}
