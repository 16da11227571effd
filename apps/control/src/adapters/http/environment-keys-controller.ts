import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { CreateEnvironmentKey } from '../../application/create-environment-key.ts';
import { EnvironmentKeys } from '../../ports/environment-keys.ts';
import { json, refusal } from './api-answer.ts';
import { Callers } from './callers.ts';
import { environmentKeyJson, environmentRefusal } from './environment-answers.ts';
import { bodyObject, textField } from './request-fields.ts';

const nameBounds = { charactersMin: 1, charactersMax: 255 };

/** Keys that executors present: our own endpoints, the public API has none. Listing and revoking need no scheduler. */
export class EnvironmentKeysController {
  readonly #callers: Callers;
  readonly #create: CreateEnvironmentKey;
  readonly #keys: EnvironmentKeys;

  constructor(callers: Callers, create: CreateEnvironmentKey, keys: EnvironmentKeys) {
    this.#callers = callers;
    this.#create = create;
    this.#keys = keys;
  }

  async create(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const body = bodyObject(request);
    const name = body.ok ? textField(body.value, 'name', nameBounds) : body;
    if (!name.ok) return refusal(400, 'bad_request', name.reason);
    const { credential, workspaceId } = caller.value;
    const wanted = { workspaceId, environmentId: environmentIdOf(request), name: name.value };
    const created = await this.#create.run(credential.apiKeyId, wanted);
    if (!created.ok) return environmentRefusal(created.reason);
    return {
      ...json({ ...environmentKeyJson(created.value.key), environment_key: created.value.secret }),
      headers: { 'cache-control': 'no-store' },
    };
  }

  async list(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const keys = await this.#keys.list(caller.value.workspaceId, environmentIdOf(request));
    return json({ data: keys.map(environmentKeyJson), next_page: null });
  }

  async revoke(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const { credential, workspaceId } = caller.value;
    const revoked = await this.#keys.revoke(
      credential.apiKeyId,
      { workspaceId, environmentId: environmentIdOf(request) },
      request.params['environmentKeyId'] ?? '',
    );
    return revoked === undefined
      ? refusal(404, 'environment_key_not_found', 'The environment has no such key in this workspace.')
      : json(environmentKeyJson(revoked));
  }
}

function environmentIdOf(request: RestRequest): string {
  return request.params['environmentId'] ?? '';
}

export const environmentKeysController = restController(
  EnvironmentKeysController,
  [Callers, CreateEnvironmentKey, EnvironmentKeys],
  {
    create: 'POST /v1/environments/:environmentId/keys',
    list: 'GET /v1/environments/:environmentId/keys',
    revoke: 'POST /v1/environments/:environmentId/keys/:environmentKeyId/revoke',
  },
);
