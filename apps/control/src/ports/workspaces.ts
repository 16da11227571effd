import type { Credential, CredentialScope } from '../domain/credential.ts';
import type { PolicyRule } from '../domain/policy.ts';

export interface ApiKeyView {
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly scopes: readonly CredentialScope[];
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewApiKey {
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly name: string;
  readonly scopes: readonly CredentialScope[];
  readonly sha256: Buffer;
}

export interface Policy {
  readonly policyId: string;
  readonly sha256: string;
  readonly rules: readonly PolicyRule[];
}

/** Workspaces with their keys and policy. Each change writes its audit event and a new revision in the same transaction. */
export abstract class Workspaces {
  abstract create(
    actorId: string,
    workspace: { readonly workspaceId: string; readonly name: string; readonly policyId: string },
  ): Promise<void>;
  abstract exists(workspaceId: string): Promise<boolean>;
  abstract list(): Promise<readonly { readonly workspaceId: string; readonly name: string }[]>;
  abstract credential(sha256: Buffer): Promise<Credential | undefined>;
  abstract addApiKey(actorId: string, key: NewApiKey): Promise<ApiKeyView>;
  abstract apiKeys(workspaceId: string): Promise<readonly ApiKeyView[]>;
  /** Revoked twice is revoked once. Undefined where the workspace has no such key. */
  abstract revokeApiKey(actorId: string, workspaceId: string, apiKeyId: string): Promise<ApiKeyView | undefined>;
  abstract policy(workspaceId: string): Promise<Policy | undefined>;
  abstract changePolicy(
    actorId: string,
    workspaceId: string,
    rules: readonly PolicyRule[],
    sha256: string,
  ): Promise<Policy>;
}
