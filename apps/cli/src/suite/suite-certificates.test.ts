import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { issueCertificate } from '@sallyport/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ensureAuthority, ensureLeaf, ensureSuiteCertificates } from './suite-certificates.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-pki-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const dayMs = 86_400_000;
const serverFor = (name: string) => ({ dnsNames: [name], usage: 'server' as const });

describe("the suite's certificates", () => {
  it('name each service, chain to one CA, and stay', async () => {
    const first = await ensureSuiteCertificates(directory);
    const pemOf = (path: string) => readFileSync(path, 'utf8');
    const router = new X509Certificate(pemOf(first.services.router.certFile));
    expect(router.subjectAltName).toBe('DNS:router.sallyport.internal');
    expect(router.verify(new X509Certificate(pemOf(first.services.edge.caFile)).publicKey)).toBe(true);
    expect(router.verify(new X509Certificate(pemOf(first.listener.caFile)).publicKey)).toBe(false);
    expect(statSync(first.services.router.keyFile).mode & 0o777).toBe(0o600);
    const before = pemOf(first.services.router.certFile);
    await ensureSuiteCertificates(directory);
    expect(pemOf(first.services.router.certFile)).toBe(before);
  });

  it('are issued again when they are about to expire, for other names, or of another CA', async () => {
    const authority = await ensureAuthority(directory, 'a', 'A');
    const leaf = () => ensureLeaf(directory, 'leaf', authority, serverFor('x.test'));
    const { certFile, keyFile } = await leaf();
    const serial = () => new X509Certificate(readFileSync(certFile)).serialNumber;
    const good = serial();
    await leaf();
    expect(serial()).toBe(good);

    const short = await issueCertificate(authority, {
      ...serverFor('x.test'),
      notAfter: new Date(Date.now() + 20 * dayMs),
    });
    writeFileSync(certFile, short.certificatePem);
    writeFileSync(keyFile, short.keyPem);
    const expiring = serial();
    await leaf();
    expect(serial()).not.toBe(expiring);

    const renewed = serial();
    await ensureLeaf(directory, 'leaf', authority, serverFor('y.test'));
    expect(serial()).not.toBe(renewed);

    const named = serial();
    const other = await ensureAuthority(directory, 'b', 'B');
    await ensureLeaf(directory, 'leaf', other, serverFor('y.test'));
    expect(serial()).not.toBe(named);
  });
});
