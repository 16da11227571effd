import type { PeerCertificate, TLSSocket } from 'node:tls';

import { serviceName } from '@sallyport/grpc';

/** Why a caller inside a byte stream is not taken for our router. Stable codes, for the log. */
export type RouterRefusal =
  | 'router_certificate_missing'
  | 'router_certificate_expired'
  | 'router_certificate_not_yet_valid'
  | 'router_certificate_weak_or_malformed'
  | 'router_certificate_wrong_ca'
  | 'router_certificate_wrong_name'
  | 'router_certificate_wrong_use'
  | 'router_certificate_refused'
  | 'inner_tls_failed';

const refusalByCode: Readonly<Record<string, RouterRefusal>> = {
  CERT_HAS_EXPIRED: 'router_certificate_expired',
  CERT_NOT_YET_VALID: 'router_certificate_not_yet_valid',
  // Node has no names for OpenSSL's verdicts on small keys, weak digests and odd extensions.
  UNSPECIFIED: 'router_certificate_weak_or_malformed',
  INVALID_PURPOSE: 'router_certificate_wrong_use',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'router_certificate_wrong_ca',
  UNABLE_TO_GET_ISSUER_CERT: 'router_certificate_wrong_ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'router_certificate_wrong_ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'router_certificate_wrong_ca',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'router_certificate_wrong_ca',
  CERT_SIGNATURE_FAILURE: 'router_certificate_wrong_ca',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'router_certificate_missing',
};

const rsaBitsMin = 2048;
const ellipticBitsMin = 256;

/** What a failed handshake was about: OpenSSL's verdict on the certificate where there was one, else the code of the error. */
export function refusalOfHandshake(error: Error, authorizationError: unknown): RouterRefusal {
  if (typeof authorizationError === 'string' && authorizationError !== '') {
    return refusalByCode[authorizationError] ?? 'router_certificate_refused';
  }
  return refusalByCode['code' in error ? String(error.code) : ''] ?? 'inner_tls_failed';
}

/** Undefined where the peer of a verified connection is the router: its name is exact, its key strong. */
export function routerRefusal(socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>): RouterRefusal | undefined {
  if (!socket.authorized) return 'router_certificate_refused';
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate).length === 0) return 'router_certificate_missing';
  const bitsMin = certificate.modulus === undefined ? ellipticBitsMin : rsaBitsMin;
  if ((certificate.bits ?? 0) < bitsMin) return 'router_certificate_weak_or_malformed';
  return names(certificate).includes(serviceName.router) ? undefined : 'router_certificate_wrong_name';
}

/** Subject alternative names, or the common name where there are none (RFC 6125 §6.4.4). No wildcard stands for a service. */
function names(certificate: PeerCertificate): readonly string[] {
  const alternatives = (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4));
  if (alternatives.length > 0) return alternatives;
  const { CN } = certificate.subject;
  return typeof CN === 'string' ? [CN] : [];
}
