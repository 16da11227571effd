/** For `migrate(pool, schema, ownMigrations, outboxMigrations)`: the tables live in the service's own schema. The file names start at 0100. */
export const outboxMigrations = new URL('../migrations/', import.meta.url);
