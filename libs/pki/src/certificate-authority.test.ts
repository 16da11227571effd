import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, issueCertificate } from './certificate-authority.ts';

const tomorrow = new Date(Date.now() + 86_400_000);

describe('certificate authority', () => {
  it('makes a CA and leaves that OpenSSL accepts as issued by it', async () => {
    const authority = await createCertificateAuthority('Sallyport test CA', tomorrow);
    const issued = await issueCertificate(authority, {
      dnsNames: ['*.a.example', 'b.example'],
      notAfter: tomorrow,
      usage: 'both',
    });
    const ca = new X509Certificate(authority.certificatePem);
    const leaf = new X509Certificate(issued.certificatePem);
    expect(ca.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkHost('x.a.example')).toBe('*.a.example');
    expect(leaf.checkHost('x.y.a.example')).toBeUndefined();
    expect(leaf.subjectAltName).toBe('DNS:*.a.example, DNS:b.example');
  });

  it('does not accept a leaf of another authority with the same name', async () => {
    const [one, two] = await Promise.all([
      createCertificateAuthority('CA', tomorrow),
      createCertificateAuthority('CA', tomorrow),
    ]);
    const leaf = new X509Certificate(
      (await issueCertificate(one, { dnsNames: ['a'], notAfter: tomorrow, usage: 'server' })).certificatePem,
    );
    expect(leaf.verify(new X509Certificate(two.certificatePem).publicKey)).toBe(false);
  });
});
