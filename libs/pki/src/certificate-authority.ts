import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** PEM texts. */
export interface CertificateAuthority {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface LeafRequest {
  /** The first one becomes the common name too. */
  readonly dnsNames: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter: Date;
  readonly usage: 'server' | 'client' | 'both';
  /** P-256 unless a test wants a weak one. */
  readonly key?: 'p256' | 'rsa1024' | 'rsa2048';
}

const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const rsa = (modulusLength: number) => ({
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
});
/** A clock that is a little behind must still accept a new certificate. */
const backdateMs = 5 * 60_000;
x509.cryptoProvider.set(webcrypto);

/** A self-signed CA: ECDSA P-256, critical basicConstraints CA:TRUE, keyCertSign, subjectKeyIdentifier. */
export async function createCertificateAuthority(commonName: string, notAfter: Date): Promise<CertificateAuthority> {
  const keys = await webcrypto.subtle.generateKey(p256, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - backdateMs),
    notAfter,
    keys,
    signingAlgorithm: p256,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

/** A leaf signed directly by the authority. */
export async function issueCertificate(
  authority: CertificateAuthority,
  request: LeafRequest,
): Promise<IssuedCertificate> {
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', derOf(authority.keyPem), p256, false, ['sign']);
  const algorithm = request.key === 'rsa1024' ? rsa(1024) : request.key === 'rsa2048' ? rsa(2048) : p256;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const usages = { server: [x509.ExtendedKeyUsage.serverAuth], client: [x509.ExtendedKeyUsage.clientAuth] };
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${request.dnsNames[0] ?? 'sallyport'}`,
    issuer: issuer.subject,
    notBefore: request.notBefore ?? new Date(Date.now() - backdateMs),
    notAfter: request.notAfter,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: p256,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(
        request.usage === 'both' ? [...usages.server, ...usages.client] : usages[request.usage],
      ),
      new x509.SubjectAlternativeNameExtension(request.dnsNames.map((value) => ({ type: 'dns' as const, value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await privateKeyPem(keys.privateKey) };
}

/** 16 random bytes with the top bit clear: positive, and at most 20 octets (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
