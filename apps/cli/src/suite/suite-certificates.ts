import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { probeServerName, tunnelServerName } from '@sallyport/connector-wire';
import { serviceName, type TlsFiles } from '@sallyport/grpc';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';

import { readIfThere, replaceFile } from './atomic-file.ts';

const dayMs = 86_400_000;
const authorityDays = 3_650;
const leafDays = 365;
/** What would expire this soon is replaced at a start. */
const renewalDays = 30;

export const certifiedServices = ['control', 'edge', 'router', 'audit', 'scheduler', 'executor'] as const;
export type CertifiedService = (typeof certifiedServices)[number];

export interface SuiteCertificates {
  readonly services: Readonly<Record<CertifiedService, TlsFiles>>;
  /** What the edge shows to connectors, and the CA by which they know it. */
  readonly listener: TlsFiles;
}

/** The suite's own CAs and their leaves: services among each other, and the edge towards connectors. */
export async function ensureSuiteCertificates(directory: string): Promise<SuiteCertificates> {
  const services = await ensureAuthority(directory, 'services', 'Sallyport services');
  const edges = await ensureAuthority(directory, 'edges', 'Sallyport edges');
  const issued = new Map<CertifiedService, TlsFiles>();
  for (const name of certifiedServices)
    issued.set(name, await ensureLeaf(directory, name, services, { dnsNames: [serviceName[name]], usage: 'both' }));
  return {
    services: Object.fromEntries(issued) as Record<CertifiedService, TlsFiles>,
    listener: await ensureLeaf(directory, 'listener', edges, {
      dnsNames: [tunnelServerName, probeServerName],
      usage: 'server',
    }),
  };
}

export interface NamedAuthority extends CertificateAuthority {
  readonly certificateFile: string;
}

/** The CA with this name, made at the first call and again when its time is nearly over. */
export async function ensureAuthority(directory: string, name: string, commonName: string): Promise<NamedAuthority> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [certificateFile, keyFile] = [join(directory, `${name}-ca.pem`), join(directory, `${name}-ca.key.pem`)];
  const [certificatePem, keyPem] = [readIfThere(certificateFile), readIfThere(keyFile)];
  if (certificatePem !== undefined && keyPem !== undefined && isFresh(certificatePem))
    return { certificatePem, keyPem, certificateFile };
  const made = await createCertificateAuthority(commonName, inDays(authorityDays));
  replaceFile(keyFile, made.keyPem);
  replaceFile(certificateFile, made.certificatePem);
  return { ...made, certificateFile };
}

/** A leaf of the authority, issued again when it is missing, about to expire, of another CA or for other names. */
export async function ensureLeaf(
  directory: string,
  name: string,
  authority: NamedAuthority,
  wanted: { readonly dnsNames: readonly string[]; readonly usage: 'server' | 'both' },
): Promise<TlsFiles> {
  const files = {
    certFile: join(directory, `${name}.pem`),
    keyFile: join(directory, `${name}.key.pem`),
    caFile: authority.certificateFile,
  };
  const certificatePem = readIfThere(files.certFile);
  const isGood =
    certificatePem !== undefined &&
    readIfThere(files.keyFile) !== undefined &&
    isFresh(certificatePem) &&
    isLeafOf(certificatePem, authority, wanted.dnsNames);
  if (isGood) return files;
  const issued = await issueCertificate(authority, { ...wanted, notAfter: inDays(leafDays) });
  replaceFile(files.keyFile, issued.keyPem);
  replaceFile(files.certFile, issued.certificatePem);
  return files;
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * dayMs);
}

function isFresh(pem: string): boolean {
  return Date.parse(new X509Certificate(pem).validTo) > Date.now() + renewalDays * dayMs;
}

function isLeafOf(pem: string, authority: CertificateAuthority, dnsNames: readonly string[]): boolean {
  const leaf = new X509Certificate(pem);
  const named = (leaf.subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, ''));
  return (
    leaf.verify(new X509Certificate(authority.certificatePem).publicKey) &&
    named.length === dnsNames.length &&
    dnsNames.every((name) => named.includes(name))
  );
}
