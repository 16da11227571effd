import type { ControlEventBody } from '@sallyport/audit-events';
import type { TunnelEvent } from '../domain/tunnel.ts';

/** The public audit event of a private one: on purpose without sealed secrets, hashes of secrets and PEM texts. */
export function tunnelPublication(tunnelId: string, workspaceId: string, event: TunnelEvent): ControlEventBody {
  const ids = { workspaceId, tunnelId };
  switch (event.type) {
    case 'TunnelCreated':
      return {
        name: 'tunnel_created',
        body: { ...ids, displayName: event.displayName, domain: event.domain, mode: event.mode },
      };
    case 'TokenRotated':
      return { name: 'tunnel_token_rotated', body: { ...ids, tokenId: event.tokenId, reason: event.reason } };
    case 'TokenRevealed':
      return { name: 'tunnel_token_revealed', body: { ...ids, tokenId: event.tokenId } };
    case 'CertificateRegistered':
      return {
        name: 'tunnel_certificate_registered',
        body: { ...ids, certificateId: event.certificateId, fingerprint: event.fingerprint },
      };
    case 'CertificateArchived':
      return { name: 'tunnel_certificate_archived', body: { ...ids, certificateId: event.certificateId } };
    case 'TunnelArchived':
      return { name: 'tunnel_archived', body: ids };
  }
}
