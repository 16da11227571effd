import type { Result } from '@sallyport/result';

export interface Principal {
  /** `wrkspc_…`. */
  readonly workspaceId: string;
  /** `apikey_…`. */
  readonly principalId: string;
}

export type PrincipalRefusal = 'credential_unknown' | 'control_unavailable';

/** Who presents a credential that may call. As for routes, an answer never survives a revocation by more than a bounded time. */
export abstract class Principals {
  abstract resolve(credential: string): Promise<Result<Principal, PrincipalRefusal>>;
}
