import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Asn1Certificate,
} from '@peculiar/x509';
import { fail, ok, type Result } from '@sallyport/result';
import { type CaCertificate, type CaCertificateProblem, CaCertificates } from '../../ports/ca-certificates.ts';

const pemBytesMax = 8 * 1024;
const rsaBitsMin = 2_048;
const curves = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** The rules of the tunnels API: one CA certificate, critical basicConstraints, keyCertSign, a subject key identifier, strong keys. */
export class X509CaCertificates extends CaCertificates {
  override read(pem: string, nowMs: number): Result<CaCertificate, CaCertificateProblem> {
    if (Buffer.byteLength(pem) > pemBytesMax) return fail('too-long');
    if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return fail('private-key');
    const blocks = pem.match(certificateBlock) ?? [];
    const [block] = blocks;
    if (block === undefined || blocks.length !== 1 || pem.replace(block, '').includes('-----BEGIN'))
      return fail('not-one-certificate');
    let certificate: X509Certificate;
    let asn1: Asn1Certificate;
    try {
      certificate = new X509Certificate(block);
      asn1 = new Asn1Certificate(block);
    } catch {
      return fail('unreadable');
    }
    const problem = problemOf(certificate, asn1, nowMs);
    if (problem !== undefined) return fail(problem);
    const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    return ok({ pem: `${block}\n`, fingerprint, expiresAtMs: Date.parse(certificate.validTo) });
  }
}

function problemOf(
  certificate: X509Certificate,
  asn1: Asn1Certificate,
  nowMs: number,
): CaCertificateProblem | undefined {
  const constraints = asn1.getExtension(BasicConstraintsExtension);
  if (!certificate.ca || constraints === null || !constraints.ca || !constraints.critical) return 'not-a-ca';
  const usages = asn1.getExtension(KeyUsagesExtension);
  if (usages === null || (usages.usages & KeyUsageFlags.keyCertSign) === 0) return 'no-key-cert-sign';
  if (asn1.getExtension(SubjectKeyIdentifierExtension) === null) return 'no-subject-key-identifier';
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const strong =
    asymmetricKeyType === 'rsa'
      ? (asymmetricKeyDetails?.modulusLength ?? 0) >= rsaBitsMin
      : asymmetricKeyType === 'ec' && curves.has(asymmetricKeyDetails?.namedCurve ?? '');
  if (!strong) return 'weak-key';
  if (!/sha-?(256|384|512)/i.test(hashOf(asn1))) return 'weak-signature';
  return Date.parse(certificate.validTo) <= nowMs ? 'expired' : undefined;
}

function hashOf(asn1: Asn1Certificate): string {
  const { hash } = asn1.signatureAlgorithm as { readonly hash?: { readonly name?: string } | string };
  return typeof hash === 'string' ? hash : (hash?.name ?? '');
}
