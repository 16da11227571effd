import { z } from 'zod';

/** PEM files of one end of a mutual TLS connection. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** `<APP>_TLS_CERT_FILE`, `<APP>_TLS_KEY_FILE`, `<APP>_TLS_CA_FILE`: who this service is to the others, and whom it believes. */
export function tlsFilesSchema(app: string) {
  const [cert, key, ca] = [`${app}_TLS_CERT_FILE`, `${app}_TLS_KEY_FILE`, `${app}_TLS_CA_FILE`] as const;
  const path = z.string().min(1);
  return z
    .object({ [cert]: path, [key]: path, [ca]: path })
    .transform((env): TlsFiles => ({ certFile: env[cert] ?? '', keyFile: env[key] ?? '', caFile: env[ca] ?? '' }));
}
