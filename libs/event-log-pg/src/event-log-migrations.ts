/** For `migrate(pool, schema, eventLogMigrations)`; the log has a schema of its own. */
export const eventLogMigrations = new URL('../migrations/', import.meta.url);
