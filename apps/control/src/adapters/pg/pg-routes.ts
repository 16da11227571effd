import type pg from 'pg';
import type { Credential, CredentialScope } from '../../domain/credential.ts';
import type { PolicyRule } from '../../domain/policy.ts';
import { type RouteFacts, Routes } from '../../ports/routes.ts';
import { revisionChannel } from './control-changes.ts';
import { toTunnelView, type TunnelRow } from './pg-tunnel-directory.ts';
import { toPolicy } from './pg-workspaces.ts';

interface CredentialColumn {
  readonly api_key_id: string;
  readonly workspace_id: string | null;
  readonly scopes: readonly CredentialScope[];
}

interface PolicyColumn {
  readonly policy_id: string;
  readonly sha256: string;
  readonly rules: readonly PolicyRule[];
}

interface RouteRow {
  readonly revision: string;
  readonly credential: CredentialColumn | null;
  readonly tunnel:
    | (Omit<TunnelRow, 'created_at' | 'archived_at'> & {
        readonly created_at: string;
        readonly archived_at: string | null;
      })
    | null;
  readonly certificates: readonly string[];
  readonly policy: PolicyColumn | null;
}

const pollMs = 1_000;
const reconnectMs = 500;
const revisionColumn = '(select revision from configuration_revision) as revision';
const credentialColumn =
  '(select to_json(k) from (select api_key_id, workspace_id, scopes from api_key where sha256 = $1 and revoked_at is null) k) as credential';

export class PgRoutes extends Routes {
  readonly #pool: pg.Pool;
  readonly #listeners = new Map<() => void, () => void>();
  #listening: Promise<void> | undefined;
  #stopListening: () => void = () => undefined;
  #polling: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  /** One statement is one snapshot: the revision belongs to exactly these facts. */
  override async read(credentialSha256: Buffer, domain: string): Promise<RouteFacts> {
    const { rows } = await this.#pool.query<RouteRow>({
      name: 'control-route',
      text: `select ${revisionColumn}, ${credentialColumn},
          to_json(t) as tunnel,
          coalesce((select array_agg(pem order by created_at) from tunnel_certificate c where c.tunnel_id = t.tunnel_id and c.archived_at is null), '{}') as certificates,
          (select to_json(p) from policy p where p.workspace_id = t.workspace_id) as policy
        from (select 1) as one left join tunnel t on t.domain = $2`,
      values: [credentialSha256, domain],
    });
    const row = rows[0];
    if (row === undefined) throw new Error('the route statement returned no row');
    const { credential, tunnel } = row;
    return {
      revision: BigInt(row.revision),
      credential: toCredential(credential),
      tunnel:
        tunnel === null
          ? undefined
          : toTunnelView({
              ...tunnel,
              created_at: new Date(tunnel.created_at),
              archived_at: tunnel.archived_at === null ? null : new Date(tunnel.archived_at),
            }),
      caCertificatesPem: row.certificates,
      policy: row.policy === null ? undefined : toPolicy(row.policy),
    };
  }

  override async readCredential(credentialSha256: Buffer) {
    const { rows } = await this.#pool.query<Pick<RouteRow, 'revision' | 'credential'>>({
      name: 'control-principal',
      text: `select ${revisionColumn}, ${credentialColumn}`,
      values: [credentialSha256],
    });
    return { revision: BigInt(rows[0]?.revision ?? 0), credential: toCredential(rows[0]?.credential ?? null) };
  }

  override async readPolicy(workspaceId: string) {
    const { rows } = await this.#pool.query<Pick<RouteRow, 'revision' | 'policy'>>({
      name: 'control-policy',
      text: `select ${revisionColumn}, (select to_json(p) from policy p where p.workspace_id = $1) as policy`,
      values: [workspaceId],
    });
    const policy = rows[0]?.policy ?? null;
    return { revision: BigInt(rows[0]?.revision ?? 0), policy: policy === null ? undefined : toPolicy(policy) };
  }

  override async revision(): Promise<bigint> {
    const { rows } = await this.#pool.query<{ revision: string }>('select revision from configuration_revision');
    return BigInt(rows[0]?.revision ?? 0);
  }

  override onChange(listener: () => void, onEnd: () => void): () => void {
    this.#listeners.set(listener, onEnd);
    this.#polling ??= setInterval(() => this.#tell(), pollMs).unref();
    this.#listening ??= this.#listen();
    return () => this.#listeners.delete(listener);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends what waits for changes, and gives the connection back: a pool does not end before. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#polling);
    for (const onEnd of this.#listeners.values()) onEnd();
    this.#listeners.clear();
    this.#stopListening();
    await this.#listening;
  }

  override async tunnelToken(uuid: string) {
    const { rows } = await this.#pool.query<{
      tunnel_id: string;
      workspace_id: string;
      token_sha256: Buffer;
      archived: boolean;
    }>(
      'select tunnel_id, workspace_id, token_sha256, archived_at is not null as archived from tunnel where uuid = $1',
      [uuid],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    return {
      tunnelId: row.tunnel_id,
      accountTag: row.workspace_id,
      secretSha256: row.token_sha256,
      archived: row.archived,
    };
  }

  #tell(): void {
    for (const listener of this.#listeners.keys()) listener();
  }

  /** Notifications make a change known at once; where they are lost, the timer makes it known within a second. */
  async #listen(): Promise<void> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      this.#stopListening = resolve;
      client.once('error', () => resolve());
      client.on('notification', () => this.#tell());
      await client.query(`listen ${revisionChannel}`);
      if (!this.#stopped) await ended;
    } catch {
      // tried again below, like a connection that broke
    }
    client?.removeAllListeners('notification');
    client?.release(true);
    this.#listening = undefined;
    if (!this.#stopped) setTimeout(() => this.#listenAgain(), reconnectMs).unref();
  }

  #listenAgain(): void {
    if (this.#listeners.size > 0 && !this.#stopped) this.#listening ??= this.#listen();
  }
}

function toCredential(row: CredentialColumn | null): Credential | undefined {
  if (row === null) return undefined;
  return { apiKeyId: row.api_key_id, workspaceId: row.workspace_id ?? '', scopes: row.scopes };
}
