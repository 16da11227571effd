import type { Decider } from '@sallyport/event-sourcing';
import { fail, ok } from '@sallyport/result';

export type TunnelMode = 'end_to_end' | 'transport';

export interface Certificate {
  readonly certificateId: string;
  /** Lower-case hex SHA-256 of the DER. */
  readonly fingerprint: string;
  readonly pem: string;
  readonly expiresAtMs: number;
  readonly createdAtMs: number;
  readonly archivedAtMs?: number;
}

export interface LiveTunnel {
  readonly status: 'live' | 'archived';
  readonly tunnelId: string;
  readonly workspaceId: string;
  readonly tokenId: string;
  readonly sealedToken: string;
  readonly certificates: readonly Certificate[];
}

export type Tunnel = { readonly status: 'none' } | LiveTunnel;

export type TunnelEvent =
  | {
      readonly type: 'TunnelCreated';
      readonly tunnelId: string;
      readonly workspaceId: string;
      readonly uuid: string;
      readonly displayName: string | null;
      readonly domain: string;
      readonly mode: TunnelMode;
      readonly routerUnauthenticated: boolean;
      readonly tokenId: string;
      /** The token's secret, encrypted with the deployment's sealing key; the plain one is in no event. */
      readonly sealedToken: string;
      readonly tokenSha256: string;
      readonly atMs: number;
    }
  | {
      readonly type: 'TokenRotated';
      readonly tokenId: string;
      readonly sealedToken: string;
      readonly tokenSha256: string;
      readonly reason: string | null;
      readonly atMs: number;
    }
  | { readonly type: 'TokenRevealed'; readonly tokenId: string; readonly atMs: number }
  | ({ readonly type: 'CertificateRegistered' } & Omit<Certificate, 'archivedAtMs'>)
  | { readonly type: 'CertificateArchived'; readonly certificateId: string; readonly atMs: number }
  | { readonly type: 'TunnelArchived'; readonly atMs: number };

type Created = Extract<TunnelEvent, { type: 'TunnelCreated' }>;
export type TunnelCommand =
  | ({ readonly type: 'CreateTunnel' } & Omit<Created, 'type'>)
  | {
      readonly type: 'RotateToken';
      readonly tokenId: string;
      readonly sealedToken: string;
      readonly tokenSha256: string;
      readonly reason: string | null;
      readonly atMs: number;
    }
  | { readonly type: 'RevealToken'; readonly atMs: number }
  | ({ readonly type: 'RegisterCertificate' } & Omit<Certificate, 'archivedAtMs'>)
  | { readonly type: 'ArchiveCertificate'; readonly certificateId: string; readonly atMs: number }
  | { readonly type: 'ArchiveTunnel'; readonly atMs: number };

export type TunnelRefusal =
  | 'tunnel-exists'
  | 'tunnel-unknown'
  | 'tunnel-archived'
  | 'too-many-certificates'
  | 'certificate-registered'
  | 'certificate-unknown';

/** One being replaced and its successor. */
const activeCertificatesMax = 2;

export const tunnelDecider: Decider<Tunnel, TunnelCommand, TunnelEvent, TunnelRefusal> = {
  initialState: { status: 'none' },

  decide(tunnel, command) {
    if (command.type === 'CreateTunnel') {
      return tunnel.status === 'none' ? ok([{ ...command, type: 'TunnelCreated' }]) : fail('tunnel-exists');
    }
    if (tunnel.status === 'none') return fail('tunnel-unknown');
    if (command.type === 'ArchiveTunnel') return archiveTunnel(tunnel, command.atMs);
    if (command.type === 'ArchiveCertificate') return archiveCertificate(tunnel, command.certificateId, command.atMs);
    if (tunnel.status === 'archived') return fail('tunnel-archived');
    switch (command.type) {
      case 'RotateToken':
        return ok([{ ...command, type: 'TokenRotated' }]);
      case 'RevealToken':
        return ok([{ type: 'TokenRevealed', tokenId: tunnel.tokenId, atMs: command.atMs }]);
      case 'RegisterCertificate': {
        const active = tunnel.certificates.filter((certificate) => certificate.archivedAtMs === undefined);
        if (active.some((certificate) => certificate.fingerprint === command.fingerprint))
          return fail('certificate-registered');
        if (active.length >= activeCertificatesMax) return fail('too-many-certificates');
        return ok([{ ...command, type: 'CertificateRegistered' }]);
      }
    }
  },

  evolve(tunnel, event) {
    if (event.type === 'TunnelCreated') {
      const { tunnelId, workspaceId, tokenId, sealedToken } = event;
      return { status: 'live', tunnelId, workspaceId, tokenId, sealedToken, certificates: [] };
    }
    if (tunnel.status === 'none') return tunnel;
    switch (event.type) {
      case 'TokenRotated':
        return { ...tunnel, tokenId: event.tokenId, sealedToken: event.sealedToken };
      case 'TokenRevealed':
        return tunnel;
      case 'CertificateRegistered': {
        const { type: _type, ...certificate } = event;
        return { ...tunnel, certificates: [...tunnel.certificates, certificate] };
      }
      case 'CertificateArchived':
        return {
          ...tunnel,
          certificates: tunnel.certificates.map((certificate) =>
            archived(certificate, event.certificateId, event.atMs),
          ),
        };
      case 'TunnelArchived':
        return { ...tunnel, status: 'archived' };
    }
  },
};

/** Archiving is final, and done twice it is done once. It takes the certificates with it. */
function archiveTunnel(tunnel: LiveTunnel, atMs: number) {
  if (tunnel.status === 'archived') return ok([]);
  const active = tunnel.certificates.filter((certificate) => certificate.archivedAtMs === undefined);
  return ok<readonly TunnelEvent[]>([
    ...active.map(({ certificateId }) => ({ type: 'CertificateArchived' as const, certificateId, atMs })),
    { type: 'TunnelArchived', atMs },
  ]);
}

function archiveCertificate(tunnel: LiveTunnel, certificateId: string, atMs: number) {
  const certificate = tunnel.certificates.find((candidate) => candidate.certificateId === certificateId);
  if (certificate === undefined) return fail('certificate-unknown');
  if (certificate.archivedAtMs !== undefined) return ok([]);
  return ok<readonly TunnelEvent[]>([{ type: 'CertificateArchived', certificateId, atMs }]);
}

function archived(certificate: Certificate, certificateId: string, atMs: number): Certificate {
  return certificate.certificateId === certificateId ? { ...certificate, archivedAtMs: atMs } : certificate;
}
