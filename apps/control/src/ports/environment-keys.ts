export interface EnvironmentKeyView {
  readonly environmentKeyId: string;
  readonly workspaceId: string;
  readonly environmentId: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewEnvironmentKey {
  readonly environmentKeyId: string;
  readonly workspaceId: string;
  readonly environmentId: string;
  readonly name: string;
  readonly sha256: Buffer;
}

/** What an executor presents. Each change writes its audit event and a new revision in the same transaction. */
export abstract class EnvironmentKeys {
  abstract add(actorId: string, key: NewEnvironmentKey): Promise<EnvironmentKeyView>;
  /** Newest first. */
  abstract list(workspaceId: string, environmentId: string): Promise<readonly EnvironmentKeyView[]>;
  /** Revoked twice is revoked once. Undefined where the environment has no such key. */
  abstract revoke(
    actorId: string,
    environment: { readonly workspaceId: string; readonly environmentId: string },
    environmentKeyId: string,
  ): Promise<EnvironmentKeyView | undefined>;
  /** Undefined where the key is unknown or was revoked. */
  abstract find(sha256: Buffer): Promise<EnvironmentKeyView | undefined>;
}
