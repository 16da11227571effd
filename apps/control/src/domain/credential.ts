/**
 * What an API key may do: `call` tools through tunnels; `manage` its workspace's tunnels, policies and keys; read its `audit` events;
 * `operate` the deployment, which is above workspaces.
 */
export const credentialScopes = ['call', 'manage', 'audit', 'operate'] as const;
export type CredentialScope = (typeof credentialScopes)[number];

export interface Credential {
  /** `apikey_…`. */
  readonly apiKeyId: string;
  readonly workspaceId: string;
  readonly scopes: readonly CredentialScope[];
}

/** An operator may do everything, in every workspace. */
export function maySee(credential: Credential, scope: CredentialScope): boolean {
  return credential.scopes.includes(scope) || credential.scopes.includes('operate');
}

/** Nobody hands out more than they have. */
export function mayGrant(credential: Credential, scopes: readonly CredentialScope[]): boolean {
  return credential.scopes.includes('operate') || scopes.every((scope) => credential.scopes.includes(scope));
}
