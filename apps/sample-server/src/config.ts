import { z } from 'zod';

/** Where the sample server listens: always on loopback. */
export const sampleServerConfigSections = {
  http: z
    .object({ SAMPLE_SERVER_PORT: z.coerce.number().int().min(0).max(65_535).default(0) })
    .transform((env) => ({ port: env.SAMPLE_SERVER_PORT })),
} as const;
