import type { Credential } from '../domain/credential.ts';
import type { Routes } from '../ports/routes.ts';

/** Who presents a credential that may call. Calls belong to a workspace: a credential without one, an operator's, calls nothing. */
export async function resolvePrincipal(
  routes: Routes,
  credentialSha256: Buffer,
): Promise<{ readonly revision: bigint; readonly principal: Credential | undefined }> {
  const { revision, credential } = await routes.readCredential(credentialSha256);
  const mayCall = credential !== undefined && credential.workspaceId !== '' && credential.scopes.includes('call');
  return { revision, principal: mayCall ? credential : undefined };
}
