import type { sandbox } from '@sallyport/contracts';
import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { fail, ok, type Result } from '@sallyport/result';
import { Environments } from '../../ports/environments.ts';
import { refusal } from './api-answer.ts';
import { type Caller, Callers } from './callers.ts';
import { environmentAnswer, environmentJson, queueJson } from './environment-answers.ts';
import { placementRules, selfHostedConfig, textPairs } from './environment-fields.ts';
import { bodyObject, optionalTextField, pageFields, textField } from './request-fields.ts';

const pageLimits = { limitDefault: 20, limitMax: 100 };
const nameBounds = { charactersMin: 1, charactersMax: 255 };
const descriptionCharactersMax = 2_048;

/** Environments of the public API; `sallyport` in one is ours. */
export class EnvironmentsController {
  readonly #callers: Callers;
  readonly #environments: Environments;

  constructor(callers: Callers, environments: Environments) {
    this.#callers = callers;
    this.#environments = environments;
  }

  create(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, async ({ credential, workspaceId }) => {
      const wanted = newEnvironment(request);
      if (!wanted.ok) return wanted.reason;
      if (wanted.value.organization && !credential.scopes.includes('operate'))
        return refusal(403, 'scope_missing', 'Only an operator may make an environment for the whole organization.');
      const actorId = credential.apiKeyId;
      return environmentAnswer(
        this.#environments.createEnvironment({ ...wanted.value, workspaceId, actorId }),
        environmentJson,
      );
    });
  }

  list(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, async ({ workspaceId }) => {
      const fields = pageFields(request, pageLimits);
      if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
      const { limit, page = '', includeArchived } = fields.value;
      const listed = this.#environments.listEnvironments({ workspaceId, limit, page, includeArchived });
      return environmentAnswer(listed, ({ environments, nextPage }) => ({
        data: environments.map(environmentJson),
        next_page: nextPage === '' ? null : nextPage,
      }));
    });
  }

  retrieve(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ workspaceId }) => {
      const environmentId = environmentIdOf(request);
      return environmentAnswer(this.#environments.getEnvironment({ workspaceId, environmentId }), environmentJson);
    });
  }

  archive(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ credential, workspaceId }) => {
      const named = { workspaceId, environmentId: environmentIdOf(request), actorId: credential.apiKeyId };
      return environmentAnswer(this.#environments.archiveEnvironment(named), environmentJson);
    });
  }

  queue(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ workspaceId }) => {
      const environmentId = environmentIdOf(request);
      return environmentAnswer(this.#environments.getQueue({ workspaceId, environmentId }), (queue) =>
        queueJson(environmentId, queue),
      );
    });
  }

  drain(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ credential, workspaceId }) => {
      const executorId = request.params['executorId'] ?? '';
      const named = { workspaceId, environmentId: environmentIdOf(request), executorId, actorId: credential.apiKeyId };
      return environmentAnswer(this.#environments.drainExecutor(named), () => ({
        id: executorId,
        type: 'executor',
        draining: true,
      }));
    });
  }

  async #asManager(request: RestRequest, run: (caller: Caller) => Promise<RestAnswer>): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    return caller.ok ? run(caller.value) : caller.reason;
  }
}

function environmentIdOf(request: RestRequest): string {
  return request.params['environmentId'] ?? '';
}

type NewEnvironment = Omit<sandbox.CreateEnvironmentRequest, 'workspaceId' | 'actorId'>;

function newEnvironment(request: RestRequest): Result<NewEnvironment, RestAnswer> {
  const bad = (reason: string) => fail(refusal(400, 'bad_request', reason));
  const body = bodyObject(request);
  if (!body.ok) return bad(body.reason);
  const name = textField(body.value, 'name', nameBounds);
  if (!name.ok) return bad(name.reason);
  const description = optionalTextField(body.value, 'description', descriptionCharactersMax);
  if (!description.ok) return bad(description.reason);
  const config = selfHostedConfig(body.value['config']);
  if (!config.ok) return bad(config.reason);
  const metadata = textPairs(body.value['metadata'], 'metadata');
  if (!metadata.ok) return fail(refusal(400, 'invalid_metadata', metadata.reason));
  const { scope } = body.value;
  if (scope !== undefined && scope !== null && scope !== 'organization' && scope !== 'account')
    return bad('`scope` must be "organization" or "account"');
  const placement = placementRules(body.value['sallyport']);
  if (!placement.ok) return bad(placement.reason);
  return ok({
    name: name.value,
    description: description.value ?? '',
    metadata: metadata.value,
    placement: placement.value,
    organization: scope === 'organization',
  });
}

export const environmentsController = restController(EnvironmentsController, [Callers, Environments], {
  create: 'POST /v1/environments',
  list: 'GET /v1/environments',
  retrieve: 'GET /v1/environments/:environmentId',
  archive: 'POST /v1/environments/:environmentId/archive',
  queue: 'GET /v1/environments/:environmentId/queue',
  drain: 'POST /v1/environments/:environmentId/executors/:executorId/drain',
});
