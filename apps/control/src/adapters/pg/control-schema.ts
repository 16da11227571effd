import { createHash, randomBytes } from 'node:crypto';
import { eventStoreMigrations } from '@sallyport/event-store-pg';
import { prefixedIdFromBytes } from '@sallyport/ids';
import { outboxMigrations } from '@sallyport/outbox-pg';
import { migrate } from '@sallyport/pg';
import type pg from 'pg';
import { credentialScopes } from '../../domain/credential.ts';

const ownMigrations = new URL('../../../migrations/', import.meta.url);

/** Brings the schema up to date, and makes sure that the operator's key of the deployment is known. */
export class ControlSchema {
  readonly #pool: pg.Pool;
  readonly #schema: string;
  readonly #operatorKey: string | undefined;

  constructor(pool: pg.Pool, schema: string, operatorKey: string | undefined) {
    this.#pool = pool;
    this.#schema = schema;
    this.#operatorKey = operatorKey;
  }

  async start(): Promise<void> {
    await migrate(this.#pool, this.#schema, eventStoreMigrations, outboxMigrations, ownMigrations);
    if (this.#operatorKey === undefined) return;
    await this.#pool.query(
      `insert into api_key (api_key_id, workspace_id, name, scopes, sha256) values ($1, null, 'operator', $2, $3) on conflict (sha256) do nothing`,
      [
        prefixedIdFromBytes('apikey', randomBytes(16)),
        [...credentialScopes],
        createHash('sha256').update(this.#operatorKey).digest(),
      ],
    );
  }

  async stop(): Promise<void> {
    await this.#pool.end();
  }
}
