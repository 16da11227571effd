import type { Credential } from '../domain/credential.ts';
import type { Policy } from './workspaces.ts';
import type { TunnelView } from './tunnel-directory.ts';

export interface RouteFacts {
  readonly revision: bigint;
  readonly credential: Credential | undefined;
  readonly tunnel: TunnelView | undefined;
  readonly caCertificatesPem: readonly string[];
  readonly policy: Policy | undefined;
}

/** What a router, a scheduler and an edge ask, each answer read in one snapshot. */
export abstract class Routes {
  /** `domain` is the host without its first label. */
  abstract read(credentialSha256: Buffer, domain: string): Promise<RouteFacts>;
  abstract readCredential(
    credentialSha256: Buffer,
  ): Promise<{ readonly revision: bigint; readonly credential: Credential | undefined }>;
  abstract readPolicy(workspaceId: string): Promise<{ readonly revision: bigint; readonly policy: Policy | undefined }>;
  abstract revision(): Promise<bigint>;
  /** Calls back after each change, at least once a second; a hint: the revision is to be read. `onEnd` is called when no more will come. */
  abstract onChange(listener: () => void, onEnd: () => void): () => void;
  abstract tunnelToken(uuid: string): Promise<
    | {
        readonly tunnelId: string;
        readonly accountTag: string;
        readonly secretSha256: Buffer;
        readonly archived: boolean;
      }
    | undefined
  >;
}
