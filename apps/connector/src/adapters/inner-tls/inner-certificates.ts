import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import type { EndToEndConfig } from '@sallyport/connector-wire';
import { type Result, fail, ok } from '@sallyport/result';

/** PEM texts of the proxy's end of inner TLS. */
export interface InnerCertificates {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Reads and checks the three files. The reason names the file and what is wrong, never its content. */
export async function readInnerCertificates(
  files: Pick<EndToEndConfig, 'cert' | 'key' | 'routerCa'>,
): Promise<Result<InnerCertificates, string>> {
  const read = async (path: string) => {
    try {
      return ok(await readFile(path, 'utf8'));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      return fail(`${path} cannot be read (${code})`);
    }
  };
  const [cert, key, ca] = await Promise.all([read(files.cert), read(files.key), read(files.routerCa)]);
  for (const each of [cert, key, ca]) if (!each.ok) return each;
  if (!cert.ok || !key.ok || !ca.ok) return fail('unreadable');
  const certificates = { cert: cert.value, key: key.value, ca: ca.value };
  try {
    createSecureContext({ ...certificates, minVersion: 'TLSv1.2' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not PEM';
    return fail(`${files.cert}, ${files.key} and ${files.routerCa} do not make a TLS identity (${code})`);
  }
  if (!/-----BEGIN CERTIFICATE-----/.test(certificates.ca)) return fail(`${files.routerCa} holds no certificate`);
  return ok(certificates);
}
