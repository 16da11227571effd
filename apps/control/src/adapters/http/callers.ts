import { createHash } from 'node:crypto';
import type { RestAnswer, RestRequest } from '@sallyport/nest-runtime';
import { fail, ok, type Result } from '@sallyport/result';
import { type Credential, type CredentialScope, maySee } from '../../domain/credential.ts';
import type { Workspaces } from '../../ports/workspaces.ts';
import { refusal } from './api-answer.ts';

export interface Caller {
  readonly credential: Credential;
  /** Empty for an operator who named none: all workspaces. */
  readonly workspaceId: string;
}

const credentialCharactersMax = 512;

/** Who sends a request. A key is found by its hash; an unknown, a revoked and a malformed one get the same answer. */
export class Callers {
  readonly #workspaces: Workspaces;

  constructor(workspaces: Workspaces) {
    this.#workspaces = workspaces;
  }

  async authenticate(request: RestRequest, scope: CredentialScope): Promise<Result<Caller, RestAnswer>> {
    const presented = presentedCredential(request);
    const credential =
      presented === undefined
        ? undefined
        : await this.#workspaces.credential(createHash('sha256').update(presented).digest());
    if (credential === undefined) {
      return fail(
        refusal(401, 'credential_unknown', 'The API key is missing, unknown or revoked.', {
          'www-authenticate': 'Bearer',
        }),
      );
    }
    if (!maySee(credential, scope)) {
      return fail(
        refusal(
          403,
          'scope_missing',
          `This API key lacks the scope \`${scope}\`; it has: ${credential.scopes.join(', ')}.`,
        ),
      );
    }
    const named = request.headers['anthropic-workspace-id'];
    if (typeof named !== 'string' || named === '') return ok({ credential, workspaceId: credential.workspaceId });
    if (credential.workspaceId === '') {
      if (await this.#workspaces.exists(named)) return ok({ credential, workspaceId: named });
      return fail(refusal(404, 'workspace_unknown', 'The header anthropic-workspace-id names no workspace.'));
    }
    return named === credential.workspaceId
      ? ok({ credential, workspaceId: named })
      : fail(
          refusal(
            403,
            'workspace_mismatch',
            'The header anthropic-workspace-id names another workspace than the API key.',
          ),
        );
  }

  /** As above, for what belongs to one workspace: an operator must say which. */
  async authenticateInWorkspace(request: RestRequest, scope: CredentialScope): Promise<Result<Caller, RestAnswer>> {
    const caller = await this.authenticate(request, scope);
    if (!caller.ok || caller.value.workspaceId !== '') return caller;
    return fail(
      refusal(
        400,
        'workspace_missing',
        'An operator key belongs to no workspace: name one in the header anthropic-workspace-id.',
      ),
    );
  }
}

/** `Authorization: Bearer` wins over `x-api-key`; both dialects of the official SDKs are served. */
function presentedCredential(request: RestRequest): string | undefined {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const bearer = typeof authorization === 'string' ? /^Bearer +(\S+)$/i.exec(authorization)?.[1] : undefined;
  const presented = authorization === undefined ? apiKey : bearer;
  return typeof presented === 'string' && presented.length <= credentialCharactersMax ? presented : undefined;
}
