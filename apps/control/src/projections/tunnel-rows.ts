import type { TunnelEvent } from '../domain/tunnel.ts';

/** One row to insert, or columns to set where the others match: all that the tunnel projections need. */
export type RowChange =
  | {
      readonly kind: 'insert';
      readonly table: 'tunnel' | 'tunnel_certificate';
      readonly row: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: 'update';
      readonly table: 'tunnel' | 'tunnel_certificate';
      readonly set: Readonly<Record<string, unknown>>;
      readonly where: Readonly<Record<string, unknown>>;
    };

const time = (ms: number) => new Date(ms).toISOString();

/** The rows that an event changes. Pure, so that the tables can be dropped and built again from the streams. */
export function tunnelRowChanges(tunnelId: string, event: TunnelEvent): readonly RowChange[] {
  switch (event.type) {
    case 'TunnelCreated': {
      const row = {
        tunnel_id: tunnelId,
        uuid: event.uuid,
        workspace_id: event.workspaceId,
        display_name: event.displayName,
        domain: event.domain,
        mode: event.mode,
        router_unauthenticated: event.routerUnauthenticated,
        token_id: event.tokenId,
        token_sha256: Buffer.from(event.tokenSha256, 'hex'),
        created_at: time(event.atMs),
      };
      return [{ kind: 'insert', table: 'tunnel', row }];
    }
    case 'TokenRotated': {
      const set = { token_id: event.tokenId, token_sha256: Buffer.from(event.tokenSha256, 'hex') };
      return [{ kind: 'update', table: 'tunnel', set, where: { tunnel_id: tunnelId } }];
    }
    case 'TokenRevealed':
      return [];
    case 'CertificateRegistered': {
      const row = {
        certificate_id: event.certificateId,
        tunnel_id: tunnelId,
        fingerprint: event.fingerprint,
        pem: event.pem,
        created_at: time(event.createdAtMs),
        expires_at: time(event.expiresAtMs),
      };
      return [{ kind: 'insert', table: 'tunnel_certificate', row }];
    }
    case 'CertificateArchived': {
      const where = { tunnel_id: tunnelId, certificate_id: event.certificateId };
      return [{ kind: 'update', table: 'tunnel_certificate', set: { archived_at: time(event.atMs) }, where }];
    }
    case 'TunnelArchived':
      return [
        { kind: 'update', table: 'tunnel', set: { archived_at: time(event.atMs) }, where: { tunnel_id: tunnelId } },
      ];
  }
}
