import { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { fail, ok, type Result } from '@sallyport/result';
import type { UpstreamFailure } from '../../ports/upstreams.ts';

/** What the router shows to proxies. PEM texts. */
export interface RouterIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Why the proxy was not believed, or did not believe us. */
export type InnerTlsRefusal =
  | 'certificate_expired'
  | 'certificate_wrong_name'
  | 'certificate_wrong_ca'
  | 'certificate_not_direct'
  | 'certificate_weak'
  | 'router_refused'
  | 'handshake_failed'
  | 'handshake_timeout';

const handshakeMsMax = 10_000;
const rsaBitsMin = 2_048;
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

const sentences: Record<InnerTlsRefusal, string> = {
  certificate_expired: 'The proxy’s certificate is expired or not valid yet. Renew it; the proxy reloads its files.',
  certificate_wrong_name: 'The proxy’s certificate does not name this host. Issue one for `*.<tunnel domain>`.',
  certificate_wrong_ca: 'The proxy’s certificate is not signed by a CA that is registered on this tunnel.',
  certificate_not_direct: 'The proxy’s certificate must be signed directly by a CA that is registered on this tunnel.',
  certificate_weak:
    'The proxy’s certificate has a weak key or signature: RSA from 2048 bits, or ECDSA on P-256 or stronger, with SHA-256.',
  router_refused: 'The proxy refused the router’s certificate: check `router_ca` in the connector’s configuration.',
  handshake_failed: 'The TLS handshake with the proxy failed: is an end-to-end proxy behind this tunnel?',
  handshake_timeout: 'The proxy did not finish the TLS handshake in time.',
};

export function innerTlsFailure(reason: InnerTlsRefusal, sent = false): UpstreamFailure {
  return { code: 'inner_tls_refused', reason, sentence: sentences[reason], sent };
}

/** Makes inner TLS on a byte stream, each end proving itself. On refusal the stream is destroyed and the reason is exact. */
export function openInnerTls(
  stream: Duplex,
  host: string,
  caCertificatesPem: readonly string[],
  identity: RouterIdentity,
): Promise<Result<TLSSocket, UpstreamFailure>> {
  return new Promise((resolve) => {
    const socket = connect({
      socket: stream,
      servername: host,
      ca: [...caCertificatesPem],
      cert: identity.certificatePem,
      key: identity.keyPem,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    const refuse = (reason: InnerTlsRefusal) => {
      clearTimeout(timer);
      socket.on('error', () => undefined);
      socket.destroy();
      stream.destroy();
      resolve(fail(innerTlsFailure(reason)));
    };
    const timer = setTimeout(() => refuse('handshake_timeout'), handshakeMsMax);
    // TLS over a stream that is no socket does not notice that it broke.
    const broke = () => {
      if (!stream.readableEnded) socket.destroy();
    };
    stream.once('close', broke);
    if (stream.destroyed) socket.destroy();
    const onError = (error: Error) => refuse(refusalOf(error));
    const onClose = () => refuse('handshake_failed');
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      const problem = certificateProblem(socket, caCertificatesPem);
      if (problem !== undefined) {
        refuse(problem);
        return;
      }
      clearTimeout(timer);
      socket.off('error', onError);
      socket.off('close', onClose);
      resolve(ok(socket));
    });
  });
}

/** OpenSSL has checked chain, name and time; this is what it accepts and we do not. */
function certificateProblem(socket: TLSSocket, caCertificatesPem: readonly string[]): InnerTlsRefusal | undefined {
  const peer = socket.getPeerX509Certificate();
  if (peer === undefined) return 'handshake_failed';
  const direct = caCertificatesPem.some((pem) => {
    const ca = new X509Certificate(pem);
    return peer.checkIssued(ca) && peer.verify(ca.publicKey);
  });
  if (!direct) return 'certificate_not_direct';
  const { asymmetricKeyType, asymmetricKeyDetails } = peer.publicKey;
  const strong =
    asymmetricKeyType === 'rsa'
      ? (asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin
      : asymmetricKeyType === 'ec' && curves.has(asymmetricKeyDetails?.namedCurve ?? '');
  return strong ? undefined : 'certificate_weak';
}

/** Codes of OpenSSL as Node names them: `tls` documentation, "X509 certificate error codes". */
export function refusalOf(error: Error): InnerTlsRefusal {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'certificate_expired';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'certificate_wrong_name';
  if (
    /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_(UNTRUSTED|SIGNATURE_FAILURE|REJECTED)|INVALID_CA/.test(code)
  )
    return 'certificate_wrong_ca';
  // Node has no name for these verdicts of OpenSSL: X509_V_ERR_EE_KEY_TOO_SMALL, _CA_KEY_TOO_SMALL, _CA_MD_TOO_WEAK.
  if (/KEY_TOO_SMALL|MD_TOO_WEAK/.test(code) || /(?:key|md) too weak/.test(error.message)) return 'certificate_weak';
  if (
    /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)|ALERT_CERTIFICATE_REQUIRED/.test(
      code,
    )
  )
    return 'router_refused';
  return 'handshake_failed';
}
