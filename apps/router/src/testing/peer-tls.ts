import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceName, TlsFiles } from '@sallyport/grpc';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';

const dayMs = 86_400_000;

/** Certificates for services that a test plays, in a directory that sockets may lie in too. */
export class PeerTls {
  readonly directory = mkdtempSync(join(tmpdir(), 'router-'));
  readonly #ca: CertificateAuthority;

  private constructor(ca: CertificateAuthority) {
    this.#ca = ca;
  }

  static async make(): Promise<PeerTls> {
    return new PeerTls(await createCertificateAuthority('suite', new Date(Date.now() + dayMs)));
  }

  async files(name: ServiceName): Promise<TlsFiles> {
    const notAfter = new Date(Date.now() + dayMs);
    const issued = await issueCertificate(this.#ca, { dnsNames: [name], notAfter, usage: 'both' });
    const file = (suffix: string, text: string) => {
      const path = join(this.directory, `${name}.${suffix}`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    return {
      certFile: file('crt', issued.certificatePem),
      keyFile: file('key', issued.keyPem),
      caFile: file('ca', this.#ca.certificatePem),
    };
  }
}
