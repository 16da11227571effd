import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import { EnvironmentKeys, type EnvironmentKeyView, type NewEnvironmentKey } from '../../ports/environment-keys.ts';
import type { ControlChanges } from './control-changes.ts';

interface EnvironmentKeyRow {
  readonly environment_key_id: string;
  readonly workspace_id: string;
  readonly environment_id: string;
  readonly name: string;
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

export class PgEnvironmentKeys extends EnvironmentKeys {
  readonly #pool: pg.Pool;
  readonly #changes: ControlChanges;

  constructor(pool: pg.Pool, changes: ControlChanges) {
    super();
    this.#pool = pool;
    this.#changes = changes;
  }

  override add(actorId: string, key: NewEnvironmentKey): Promise<EnvironmentKeyView> {
    const { environmentKeyId, workspaceId, environmentId, name, sha256 } = key;
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<EnvironmentKeyRow>(
        'insert into environment_key (environment_key_id, workspace_id, environment_id, name, sha256) values ($1, $2, $3, $4, $5) returning *',
        [environmentKeyId, workspaceId, environmentId, name, sha256],
      );
      const body = { workspaceId, environmentId, environmentKeyId, name };
      await this.#changes.record(client, actorId, [{ name: 'environment_key_created', body }]);
      const [row] = rows;
      if (row === undefined) throw new Error('the statement returned no row');
      return toView(row);
    });
  }

  override async list(workspaceId: string, environmentId: string): Promise<readonly EnvironmentKeyView[]> {
    const { rows } = await this.#pool.query<EnvironmentKeyRow>(
      'select * from environment_key where workspace_id = $1 and environment_id = $2 order by created_at desc, environment_key_id',
      [workspaceId, environmentId],
    );
    return rows.map(toView);
  }

  override revoke(
    actorId: string,
    environment: { readonly workspaceId: string; readonly environmentId: string },
    environmentKeyId: string,
  ): Promise<EnvironmentKeyView | undefined> {
    const { workspaceId, environmentId } = environment;
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<EnvironmentKeyRow & { readonly was_active: boolean }>(
        `update environment_key k set revoked_at = coalesce(k.revoked_at, now())
           from (select environment_key_id, revoked_at is null as was_active from environment_key where environment_key_id = $3 for update) as old
          where k.environment_key_id = old.environment_key_id and workspace_id = $1 and environment_id = $2 returning k.*, old.was_active`,
        [workspaceId, environmentId, environmentKeyId],
      );
      const row = rows[0];
      if (row === undefined) return undefined;
      const body = { workspaceId, environmentId, environmentKeyId };
      if (row.was_active) await this.#changes.record(client, actorId, [{ name: 'environment_key_revoked', body }]);
      return toView(row);
    });
  }

  override async find(sha256: Buffer): Promise<EnvironmentKeyView | undefined> {
    const { rows } = await this.#pool.query<EnvironmentKeyRow>(
      'select * from environment_key where sha256 = $1 and revoked_at is null',
      [sha256],
    );
    return rows[0] === undefined ? undefined : toView(rows[0]);
  }
}

function toView(row: EnvironmentKeyRow): EnvironmentKeyView {
  return {
    environmentKeyId: row.environment_key_id,
    workspaceId: row.workspace_id,
    environmentId: row.environment_id,
    name: row.name,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}
