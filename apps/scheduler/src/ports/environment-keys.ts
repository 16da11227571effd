import type { Result } from '@sallyport/result';

export interface EnvironmentKeyIdentity {
  readonly keyId: string;
  readonly environmentId: string;
  readonly workspaceId: string;
}

/** Whether an executor's key is good. */
export abstract class EnvironmentKeys {
  abstract check(keySha256: Uint8Array): Promise<Result<EnvironmentKeyIdentity, 'unknown' | 'control_unavailable'>>;
  /** Calls the listener when a key may have been revoked. */
  abstract onChange(listener: () => void): void;
}
