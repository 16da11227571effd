import type { Result } from '@sallyport/result';
import type { Policy } from '@sallyport/policy';

export interface Route {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly tunnelId: string;
  readonly tunnelDomain: string;
  readonly server: string;
  readonly host: string;
  readonly mode: 'end_to_end' | 'transport';
  readonly caCertificatesPem: readonly string[];
  /** Names the set of CA certificates: inner TLS connections made under another set are not used any more. */
  readonly caSetId: string;
  readonly policy: Policy;
  readonly routerUnauthenticated: boolean;
}

export type RouteRefusal = 'credential_unknown' | 'host_unknown' | 'tunnel_archived' | 'control_unavailable';

/** Who a credential is and where a host leads. Answers may come from memory, but never survive a revocation by more than a bounded time. */
export abstract class Routes {
  abstract resolve(credential: string, host: string): Promise<Result<Route, RouteRefusal>>;
}
