import type { TunnelMode } from '../domain/tunnel.ts';

export interface TunnelView {
  readonly tunnelId: string;
  readonly workspaceId: string;
  readonly displayName: string | null;
  readonly domain: string;
  readonly mode: TunnelMode;
  readonly routerUnauthenticated: boolean;
  readonly createdAt: Date;
  readonly archivedAt: Date | null;
}

export interface CertificateView {
  readonly certificateId: string;
  readonly tunnelId: string;
  readonly fingerprint: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly archivedAt: Date | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly page?: string;
  readonly includeArchived: boolean;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPage: string | null;
}

/** The tunnels of a workspace, as its members see them. Another workspace's objects do not exist. */
export abstract class TunnelDirectory {
  abstract tunnel(workspaceId: string, tunnelId: string): Promise<TunnelView | undefined>;
  abstract tunnels(workspaceId: string, page: PageRequest): Promise<Page<TunnelView> | 'bad-page'>;
  /** The UUID that connectors know the tunnel by. */
  abstract uuid(tunnelId: string): Promise<string>;
  abstract activeTunnels(workspaceId: string): Promise<number>;
  abstract certificate(tunnelId: string, certificateId: string): Promise<CertificateView | undefined>;
  abstract certificates(tunnelId: string, page: PageRequest): Promise<Page<CertificateView> | 'bad-page'>;
}
