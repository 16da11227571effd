import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { ChangePolicy, CreateApiKey } from '../../application/manage-workspaces.ts';
import { type CredentialScope, credentialScopes } from '../../domain/credential.ts';
import { ClockAndIds } from '../../ports/clock-and-ids.ts';
import { type ApiKeyView, type Policy, Workspaces } from '../../ports/workspaces.ts';
import { json, refusal } from './api-answer.ts';
import { Callers } from './callers.ts';
import { bodyObject, textField } from './request-fields.ts';

const nameBounds = { charactersMin: 1, charactersMax: 255 };

/** Workspaces, their API keys and their policy: our own endpoints, the public API has none for them. */
export class WorkspacesController {
  readonly #callers: Callers;
  readonly #workspaces: Workspaces;
  readonly #createApiKey: CreateApiKey;
  readonly #changePolicy: ChangePolicy;
  readonly #ids: ClockAndIds;

  constructor(
    callers: Callers,
    workspaces: Workspaces,
    createApiKey: CreateApiKey,
    changePolicy: ChangePolicy,
    ids: ClockAndIds,
  ) {
    this.#callers = callers;
    this.#workspaces = workspaces;
    this.#createApiKey = createApiKey;
    this.#changePolicy = changePolicy;
    this.#ids = ids;
  }

  async createWorkspace(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticate(request, 'operate');
    if (!caller.ok) return caller.reason;
    const body = bodyObject(request);
    const name = body.ok ? textField(body.value, 'name', nameBounds) : body;
    if (!name.ok) return refusal(400, 'bad_request', name.reason);
    const workspaceId = this.#ids.id('wrkspc');
    await this.#workspaces.create(caller.value.credential.apiKeyId, {
      workspaceId,
      name: name.value,
      policyId: this.#ids.id('pol'),
    });
    return json({ id: workspaceId, type: 'workspace', name: name.value });
  }

  async listWorkspaces(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticate(request, 'operate');
    if (!caller.ok) return caller.reason;
    const workspaces = await this.#workspaces.list();
    return json({
      data: workspaces.map(({ workspaceId, name }) => ({ id: workspaceId, type: 'workspace', name })),
      next_page: null,
    });
  }

  async createKey(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const body = bodyObject(request);
    const name = body.ok ? textField(body.value, 'name', nameBounds) : body;
    if (!name.ok) return refusal(400, 'bad_request', name.reason);
    const scopes = (body.ok ? body.value['scopes'] : undefined) ?? ['call'];
    if (!isScopes(scopes))
      return refusal(400, 'bad_request', `\`scopes\` must be a list of: ${credentialScopes.join(', ')}`);
    const { credential, workspaceId } = caller.value;
    const created = await this.#createApiKey.run(credential, { workspaceId, name: name.value, scopes });
    if (created.ok)
      return {
        ...json({ ...apiKeyJson(created.value.key), api_key: created.value.secret }),
        headers: { 'cache-control': 'no-store' },
      };
    if (created.reason === 'workspace-unknown') return refusal(404, 'workspace_unknown', 'There is no such workspace.');
    return refusal(403, 'scope_not_yours', 'An API key hands out only scopes that it has itself.');
  }

  async listKeys(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    return json({ data: (await this.#workspaces.apiKeys(caller.value.workspaceId)).map(apiKeyJson), next_page: null });
  }

  async revokeKey(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const { credential, workspaceId } = caller.value;
    const revoked = await this.#workspaces.revokeApiKey(
      credential.apiKeyId,
      workspaceId,
      request.params['apiKeyId'] ?? '',
    );
    return revoked === undefined
      ? refusal(404, 'api_key_not_found', 'The workspace has no such API key.')
      : json(apiKeyJson(revoked));
  }

  async readPolicy(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const policy = await this.#workspaces.policy(caller.value.workspaceId);
    return policy === undefined
      ? refusal(404, 'workspace_unknown', 'There is no such workspace.')
      : json(policyJson(policy));
  }

  async changePolicy(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const body = bodyObject(request);
    if (!body.ok) return refusal(400, 'bad_request', body.reason);
    const { credential, workspaceId } = caller.value;
    const changed = await this.#changePolicy.run(credential, workspaceId, body.value['rules']);
    if (changed.ok) return json(policyJson(changed.value));
    const where = changed.reason.rule < 0 ? '' : `rules[${changed.reason.rule}]: `;
    return refusal(400, 'bad_policy', `${where}${changed.reason.problem}`);
  }
}

function isScopes(value: unknown): value is readonly CredentialScope[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= credentialScopes.length &&
    value.every((scope) => (credentialScopes as readonly unknown[]).includes(scope))
  );
}

function apiKeyJson(key: ApiKeyView) {
  return {
    id: key.apiKeyId,
    type: 'api_key',
    workspace_id: key.workspaceId,
    name: key.name,
    scopes: key.scopes,
    created_at: key.createdAt.toISOString(),
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}

function policyJson(policy: Policy) {
  return { id: policy.policyId, type: 'policy', sha256: policy.sha256, rules: policy.rules };
}

export const workspacesController = restController(
  WorkspacesController,
  [Callers, Workspaces, CreateApiKey, ChangePolicy, ClockAndIds],
  {
    createWorkspace: 'POST /v1/workspaces',
    listWorkspaces: 'GET /v1/workspaces',
    createKey: 'POST /v1/api_keys',
    listKeys: 'GET /v1/api_keys',
    revokeKey: 'POST /v1/api_keys/:apiKeyId/revoke',
    readPolicy: 'GET /v1/policy',
    changePolicy: 'POST /v1/policy',
  },
);
