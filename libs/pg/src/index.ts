export { inTransaction } from './in-transaction.ts';
export { migrate } from './migrate.ts';
export { openPool, type PgConfig } from './open-pool.ts';
export { pgConfigSchema } from './pg-config-schema.ts';
export { isPgUnavailable } from './pg-unavailable.ts';
