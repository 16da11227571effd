import { z } from 'zod';
import type { PgConfig } from './open-pool.ts';

/** The environment variables `<APP>_PG_*` of a service, as one piece of its configuration schema. */
export function pgConfigSchema(app: string, defaults: { readonly schema: string; readonly connectionsMax: number }) {
  const shape = {
    [`${app}_PG_URL`]: z.string().min(1),
    [`${app}_PG_PASSWORD_FILE`]: z.string().min(1).optional(),
    [`${app}_PG_CA_FILE`]: z.string().min(1).optional(),
    [`${app}_PG_SCHEMA`]: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,62}$/)
      .default(defaults.schema),
    [`${app}_PG_CONNECTIONS_MAX`]: z.coerce.number().int().min(1).max(200).default(defaults.connectionsMax),
    [`${app}_PG_STATEMENT_MS_MAX`]: z.coerce.number().int().min(100).default(10_000),
  };
  return z.object(shape).transform((env): PgConfig => {
    const text = (name: string) => env[`${app}_PG_${name}`] as string | undefined;
    return {
      url: text('URL') ?? '',
      schema: text('SCHEMA') ?? defaults.schema,
      applicationName: app.toLowerCase(),
      connectionsMax: Number(env[`${app}_PG_CONNECTIONS_MAX`]),
      statementMsMax: Number(env[`${app}_PG_STATEMENT_MS_MAX`]),
      ...(text('PASSWORD_FILE') === undefined ? {} : { passwordFile: text('PASSWORD_FILE') as string }),
      ...(text('CA_FILE') === undefined ? {} : { caFile: text('CA_FILE') as string }),
    };
  });
}
