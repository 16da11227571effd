import type { Result } from '@sallyport/result';

export type CaCertificateProblem =
  | 'too-long'
  | 'not-one-certificate'
  | 'private-key'
  | 'unreadable'
  | 'not-a-ca'
  | 'no-key-cert-sign'
  | 'no-subject-key-identifier'
  | 'weak-key'
  | 'weak-signature'
  | 'expired';

export interface CaCertificate {
  readonly pem: string;
  readonly fingerprint: string;
  readonly expiresAtMs: number;
}

/** Reads what a workspace wants to register as the CA of its proxy's certificates. */
export abstract class CaCertificates {
  abstract read(pem: string, nowMs: number): Result<CaCertificate, CaCertificateProblem>;
}
