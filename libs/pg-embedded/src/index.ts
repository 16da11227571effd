export { EmbeddedPostgres, type EmbeddedPostgresOptions, endPostgresLeftBehind } from './embedded-postgres.ts';
export { findPostgresUser, type PostgresUser } from './postgres-user.ts';
