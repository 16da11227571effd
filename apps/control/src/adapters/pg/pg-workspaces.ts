import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import type { Credential, CredentialScope } from '../../domain/credential.ts';
import type { PolicyRule } from '../../domain/policy.ts';
import { type ApiKeyView, type NewApiKey, type Policy, Workspaces } from '../../ports/workspaces.ts';
import type { ControlChanges } from './control-changes.ts';

interface ApiKeyRow {
  readonly api_key_id: string;
  readonly workspace_id: string | null;
  readonly name: string;
  readonly scopes: readonly CredentialScope[];
  readonly created_at: Date;
  readonly revoked_at: Date | null;
}

interface PolicyRow {
  readonly policy_id: string;
  readonly sha256: string;
  readonly rules: readonly PolicyRule[];
}

/** SHA-256 of the canonical text of no rules, `[]`. */
const sha256OfNoRules = '4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945';

export class PgWorkspaces extends Workspaces {
  readonly #pool: pg.Pool;
  readonly #changes: ControlChanges;

  constructor(pool: pg.Pool, changes: ControlChanges) {
    super();
    this.#pool = pool;
    this.#changes = changes;
  }

  override create(
    actorId: string,
    workspace: { readonly workspaceId: string; readonly name: string; readonly policyId: string },
  ): Promise<void> {
    const { workspaceId, name, policyId } = workspace;
    return inTransaction(this.#pool, async (client) => {
      await client.query('insert into workspace (workspace_id, name) values ($1, $2)', [workspaceId, name]);
      await client.query(`insert into policy (workspace_id, policy_id, sha256, rules) values ($1, $2, $3, '[]')`, [
        workspaceId,
        policyId,
        sha256OfNoRules,
      ]);
      await this.#changes.record(client, actorId, [{ name: 'workspace_created', body: { workspaceId, name } }]);
    });
  }

  override async exists(workspaceId: string): Promise<boolean> {
    const { rows } = await this.#pool.query('select 1 from workspace where workspace_id = $1', [workspaceId]);
    return rows.length === 1;
  }

  override async list(): Promise<readonly { readonly workspaceId: string; readonly name: string }[]> {
    const { rows } = await this.#pool.query<{ workspace_id: string; name: string }>(
      'select workspace_id, name from workspace order by created_at',
    );
    return rows.map((row) => ({ workspaceId: row.workspace_id, name: row.name }));
  }

  override async credential(sha256: Buffer): Promise<Credential | undefined> {
    const { rows } = await this.#pool.query<ApiKeyRow>(
      'select * from api_key where sha256 = $1 and revoked_at is null',
      [sha256],
    );
    const row = rows[0];
    return row === undefined
      ? undefined
      : { apiKeyId: row.api_key_id, workspaceId: row.workspace_id ?? '', scopes: row.scopes };
  }

  override addApiKey(actorId: string, key: NewApiKey): Promise<ApiKeyView> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<ApiKeyRow>(
        'insert into api_key (api_key_id, workspace_id, name, scopes, sha256) values ($1, $2, $3, $4, $5) returning *',
        [key.apiKeyId, key.workspaceId === '' ? null : key.workspaceId, key.name, key.scopes, key.sha256],
      );
      const { apiKeyId, workspaceId, name, scopes } = key;
      await this.#changes.record(client, actorId, [
        { name: 'api_key_created', body: { workspaceId, apiKeyId, name, scopes: [...scopes] } },
      ]);
      return toApiKeyView(first(rows));
    });
  }

  override async apiKeys(workspaceId: string): Promise<readonly ApiKeyView[]> {
    const { rows } = await this.#pool.query<ApiKeyRow>(
      `select * from api_key where coalesce(workspace_id, '') = $1 order by created_at desc, api_key_id`,
      [workspaceId],
    );
    return rows.map(toApiKeyView);
  }

  override revokeApiKey(actorId: string, workspaceId: string, apiKeyId: string): Promise<ApiKeyView | undefined> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<ApiKeyRow & { readonly was_active: boolean }>(
        `update api_key set revoked_at = coalesce(api_key.revoked_at, now()) from (select api_key_id, revoked_at is null as was_active from api_key where api_key_id = $2 for update) as old
          where api_key.api_key_id = old.api_key_id and coalesce(workspace_id, '') = $1 returning api_key.*, old.was_active`,
        [workspaceId, apiKeyId],
      );
      const row = rows[0];
      if (row === undefined) return undefined;
      if (row.was_active)
        await this.#changes.record(client, actorId, [{ name: 'api_key_revoked', body: { workspaceId, apiKeyId } }]);
      return toApiKeyView(row);
    });
  }

  override async policy(workspaceId: string): Promise<Policy | undefined> {
    const { rows } = await this.#pool.query<PolicyRow>(
      'select policy_id, sha256, rules from policy where workspace_id = $1',
      [workspaceId],
    );
    return rows[0] === undefined ? undefined : toPolicy(rows[0]);
  }

  override changePolicy(
    actorId: string,
    workspaceId: string,
    rules: readonly PolicyRule[],
    sha256: string,
  ): Promise<Policy> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<PolicyRow>(
        'update policy set rules = $2, sha256 = $3 where workspace_id = $1 returning *',
        [workspaceId, JSON.stringify(rules), sha256],
      );
      const policy = toPolicy(first(rows));
      const body = { workspaceId, policyId: policy.policyId, policySha256: sha256, rules: rules.length };
      await this.#changes.record(client, actorId, [{ name: 'policy_changed', body }]);
      return policy;
    });
  }
}

export function toPolicy(row: PolicyRow): Policy {
  return { policyId: row.policy_id, sha256: row.sha256, rules: row.rules };
}

function toApiKeyView(row: ApiKeyRow): ApiKeyView {
  return {
    apiKeyId: row.api_key_id,
    workspaceId: row.workspace_id ?? '',
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    revokedAt: row.revoked_at,
  };
}

function first<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}
