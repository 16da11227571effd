import { duplexPair } from 'node:stream';
import { createServer, type TlsOptions } from 'node:tls';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { beforeAll, describe, expect, it } from 'vitest';
import { openInnerTls, type RouterIdentity } from './inner-tls.ts';

const day = 86_400_000;
const fromNow = (ms: number) => new Date(Date.now() + ms);
const host = 'app.x.tunnels.example';

describe('inner TLS, the router’s end', () => {
  let ca: CertificateAuthority;
  let routerCa: CertificateAuthority;
  let identity: RouterIdentity;
  beforeAll(async () => {
    ca = await createCertificateAuthority('tunnel CA', fromNow(day));
    routerCa = await createCertificateAuthority('router CA', fromNow(day));
    identity = await issueCertificate(routerCa, {
      dnsNames: ['router.sallyport.internal'],
      notAfter: fromNow(day),
      usage: 'client',
    });
  });

  const leaf = (change: Partial<Parameters<typeof issueCertificate>[1]> = {}, authority = ca) =>
    issueCertificate(authority, {
      dnsNames: ['*.x.tunnels.example'],
      notAfter: fromNow(day),
      usage: 'server',
      ...change,
    });
  const handshake = async (
    certificate: { certificatePem: string; keyPem: string },
    options: TlsOptions = {},
    registered = [ca.certificatePem],
  ) => {
    const [near, far] = duplexPair();
    const server = createServer({
      cert: certificate.certificatePem,
      key: certificate.keyPem,
      ALPNProtocols: ['h2'],
      ...options,
    });
    server.on('tlsClientError', () => undefined);
    server.on('secureConnection', (socket) => socket.on('error', () => undefined));
    server.emit('connection', far);
    const opened = await openInnerTls(near, host, registered, identity);
    if (opened.ok) opened.value.destroy();
    return opened.ok ? opened.value.alpnProtocol : opened.reason.reason;
  };

  it('believes a certificate of a registered CA that names the host', async () => {
    expect(await handshake(await leaf())).toBe('h2');
    expect(await handshake(await leaf({ dnsNames: [host] }))).toBe('h2');
  });

  it('says exactly why it does not believe another', async () => {
    expect(await handshake(await leaf({ notBefore: fromNow(-2 * day), notAfter: fromNow(-day) }))).toBe(
      'certificate_expired',
    );
    expect(await handshake(await leaf({ notBefore: fromNow(day / 2) }))).toBe('certificate_expired');
    expect(await handshake(await leaf({ dnsNames: ['*.y.tunnels.example'] }))).toBe('certificate_wrong_name');
    expect(await handshake(await leaf({ dnsNames: ['*.tunnels.example'] }))).toBe('certificate_wrong_name');
    expect(await handshake(await leaf({}, routerCa))).toBe('certificate_wrong_ca');
    expect(await handshake(await leaf({ key: 'rsa1024' }), { ciphers: 'DEFAULT@SECLEVEL=0' })).toBe('certificate_weak');
    expect(await handshake(await leaf({ key: 'rsa2048' }))).toBe('h2');
  });

  it('takes no TLS below 1.2, and nothing that is no TLS', async () => {
    expect(
      await handshake(await leaf(), { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).toBe('handshake_failed');
    const [near, far] = duplexPair();
    far.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    expect(await openInnerTls(near, host, [ca.certificatePem], identity)).toMatchObject({
      ok: false,
      reason: { code: 'inner_tls_refused', sent: false },
    });
  });
});
