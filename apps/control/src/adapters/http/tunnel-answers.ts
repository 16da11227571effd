import type { RestAnswer } from '@sallyport/nest-runtime';
import type { ChangeTunnelRefusal } from '../../application/change-tunnel.ts';
import type { CaCertificateProblem } from '../../ports/ca-certificates.ts';
import type { CertificateView, TunnelView } from '../../ports/tunnel-directory.ts';
import { refusal } from './api-answer.ts';

/** Everything that can be wrong with a tunnel request, in the public API's words. */
const tunnelRefusals: Record<ChangeTunnelRefusal, readonly [status: number, code: string, message: string]> = {
  'tunnel-exists': [409, 'tunnel_exists', 'A tunnel with this id exists.'],
  'tunnel-unknown': [404, 'tunnel_not_found', 'There is no such tunnel in this workspace.'],
  'tunnel-archived': [400, 'tunnel_archived', 'The tunnel is archived; archiving is final. Make a new tunnel.'],
  'too-many-certificates': [
    400,
    'too_many_certificates',
    'A tunnel has at most 2 active certificates: archive one first.',
  ],
  'certificate-registered': [400, 'certificate_registered', 'This certificate is registered on the tunnel already.'],
  'certificate-unknown': [404, 'certificate_not_found', 'The tunnel has no such certificate.'],
  contended: [409, 'contended', 'Several changes of this tunnel met. Read it and try again.'],
};

const certificateProblems: Record<CaCertificateProblem, string> = {
  'too-long': '`ca_certificate_pem` is longer than 8 KB.',
  'not-one-certificate': '`ca_certificate_pem` must hold exactly one CERTIFICATE block and nothing else.',
  'private-key': '`ca_certificate_pem` holds a private key. Keep it; send the certificate alone.',
  unreadable: '`ca_certificate_pem` is no X.509 certificate.',
  'not-a-ca': 'The certificate is no CA: it needs basicConstraints CA:TRUE, marked critical.',
  'no-key-cert-sign': 'The certificate may not sign others: it needs the key usage keyCertSign.',
  'no-subject-key-identifier': 'The certificate needs a subjectKeyIdentifier.',
  'weak-key': 'The key is too weak: RSA from 2048 bits, or ECDSA on P-256 or stronger.',
  'weak-signature': 'The signature is too weak: SHA-256 or better.',
  expired: 'The certificate has expired.',
};

export function tunnelRefusal(reason: ChangeTunnelRefusal): RestAnswer {
  return refusal(...tunnelRefusals[reason]);
}

export function certificateProblem(problem: CaCertificateProblem): RestAnswer {
  return refusal(400, `ca_certificate_${problem.replaceAll('-', '_')}`, certificateProblems[problem]);
}

export function tunnelJson(tunnel: TunnelView) {
  return {
    id: tunnel.tunnelId,
    type: 'tunnel',
    display_name: tunnel.displayName,
    domain: tunnel.domain,
    created_at: tunnel.createdAt.toISOString(),
    archived_at: tunnel.archivedAt?.toISOString() ?? null,
    sallyport: { mode: tunnel.mode, router_unauthenticated: tunnel.routerUnauthenticated },
  };
}

export function certificateJson(certificate: CertificateView) {
  return {
    id: certificate.certificateId,
    type: 'tunnel_certificate',
    tunnel_id: certificate.tunnelId,
    fingerprint: certificate.fingerprint,
    created_at: certificate.createdAt.toISOString(),
    expires_at: certificate.expiresAt.toISOString(),
    archived_at: certificate.archivedAt?.toISOString() ?? null,
  };
}
