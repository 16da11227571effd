import type pg from 'pg';
import {
  type CertificateView,
  type Page,
  type PageRequest,
  TunnelDirectory,
  type TunnelView,
} from '../../ports/tunnel-directory.ts';
import type { TunnelMode } from '../../domain/tunnel.ts';
import { decodeCursor, encodeCursor } from './page-cursor.ts';

export interface TunnelRow {
  readonly tunnel_id: string;
  readonly workspace_id: string;
  readonly display_name: string | null;
  readonly domain: string;
  readonly mode: TunnelMode;
  readonly router_unauthenticated: boolean;
  readonly created_at: Date;
  readonly archived_at: Date | null;
}

interface CertificateRow {
  readonly certificate_id: string;
  readonly tunnel_id: string;
  readonly fingerprint: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly archived_at: Date | null;
}

export class PgTunnelDirectory extends TunnelDirectory {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  override async tunnel(workspaceId: string, tunnelId: string): Promise<TunnelView | undefined> {
    const { rows } = await this.#pool.query<TunnelRow>(
      'select * from tunnel where workspace_id = $1 and tunnel_id = $2',
      [workspaceId, tunnelId],
    );
    return rows[0] === undefined ? undefined : toTunnelView(rows[0]);
  }

  override tunnels(workspaceId: string, page: PageRequest): Promise<Page<TunnelView> | 'bad-page'> {
    return this.#page<TunnelRow, TunnelView>(
      { table: 'tunnel', id: 'tunnel_id', owner: 'workspace_id', idOf: (row) => row.tunnel_id },
      workspaceId,
      page,
      toTunnelView,
    );
  }

  override async uuid(tunnelId: string): Promise<string> {
    const { rows } = await this.#pool.query<{ uuid: string }>('select uuid from tunnel where tunnel_id = $1', [
      tunnelId,
    ]);
    if (rows[0] === undefined) throw new Error(`tunnel ${tunnelId} has no row`);
    return rows[0].uuid;
  }

  override async activeTunnels(workspaceId: string): Promise<number> {
    const { rows } = await this.#pool.query<{ active: number }>(
      'select count(*)::int as active from tunnel where workspace_id = $1 and archived_at is null',
      [workspaceId],
    );
    return rows[0]?.active ?? 0;
  }

  override async certificate(tunnelId: string, certificateId: string): Promise<CertificateView | undefined> {
    const { rows } = await this.#pool.query<CertificateRow>(
      'select * from tunnel_certificate where tunnel_id = $1 and certificate_id = $2',
      [tunnelId, certificateId],
    );
    return rows[0] === undefined ? undefined : toCertificateView(rows[0]);
  }

  override certificates(tunnelId: string, page: PageRequest): Promise<Page<CertificateView> | 'bad-page'> {
    const list = {
      table: 'tunnel_certificate',
      id: 'certificate_id',
      owner: 'tunnel_id',
      idOf: (row: CertificateRow) => row.certificate_id,
    };
    return this.#page<CertificateRow, CertificateView>(list, tunnelId, page, toCertificateView);
  }

  /** Newest first. One row more than asked for tells whether there is a next page. */
  async #page<Row extends TunnelRow | CertificateRow, View>(
    list: { readonly table: string; readonly id: string; readonly owner: string; readonly idOf: (row: Row) => string },
    ownerId: string,
    page: PageRequest,
    toView: (row: Row) => View,
  ): Promise<Page<View> | 'bad-page'> {
    const cursor = page.page === undefined ? undefined : decodeCursor(page.page);
    if (page.page !== undefined && cursor === undefined) return 'bad-page';
    const { rows } = await this.#pool.query<Row>(
      `select * from ${list.table}
        where ${list.owner} = $1 and ($2 or archived_at is null)
          and ($3::timestamptz is null or (created_at, ${list.id}) < ($3, $4))
        order by created_at desc, ${list.id} desc limit $5`,
      [ownerId, page.includeArchived, cursor?.createdAt ?? null, cursor?.id ?? null, page.limit + 1],
    );
    const shown = rows.slice(0, page.limit);
    const last = rows.length > page.limit ? shown.at(-1) : undefined;
    const nextPage =
      last === undefined ? null : encodeCursor({ createdAt: last.created_at.toISOString(), id: list.idOf(last) });
    return { items: shown.map(toView), nextPage };
  }
}

export function toTunnelView(row: TunnelRow): TunnelView {
  return {
    tunnelId: row.tunnel_id,
    workspaceId: row.workspace_id,
    displayName: row.display_name,
    domain: row.domain,
    mode: row.mode,
    routerUnauthenticated: row.router_unauthenticated,
    createdAt: row.created_at,
    archivedAt: row.archived_at,
  };
}

function toCertificateView(row: CertificateRow): CertificateView {
  return {
    certificateId: row.certificate_id,
    tunnelId: row.tunnel_id,
    fingerprint: row.fingerprint,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    archivedAt: row.archived_at,
  };
}
