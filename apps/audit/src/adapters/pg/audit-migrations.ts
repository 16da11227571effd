/** For `migrate(pool, schema, auditMigrations)`. */
export const auditMigrations = new URL('../../../migrations/', import.meta.url);
