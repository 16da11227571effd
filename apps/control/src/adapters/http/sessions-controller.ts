import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { Environments } from '../../ports/environments.ts';
import { refusal } from './api-answer.ts';
import { type Caller, Callers } from './callers.ts';
import { environmentAnswer, sessionEventJson, sessionJson } from './environment-answers.ts';
import { textPairs, unservedSessionField } from './environment-fields.ts';
import { bodyObject, optionalTextField, pageFields, queryText, textField } from './request-fields.ts';

const pageLimits = { limitDefault: 20, limitMax: 100 };
const eventPageLimits = { limitDefault: 100, limitMax: 1_000 };
const titleCharactersMax = 255;
const idBounds = { charactersMin: 1, charactersMax: 64 };

/** Sessions of the public API. Its agents are not served: whoever drives a session calls its tools at `sallyport.mcp_path` of a router. */
export class SessionsController {
  readonly #callers: Callers;
  readonly #environments: Environments;

  constructor(callers: Callers, environments: Environments) {
    this.#callers = callers;
    this.#environments = environments;
  }

  create(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, async ({ credential, workspaceId }) => {
      const body = bodyObject(request);
      if (!body.ok) return refusal(400, 'bad_request', body.reason);
      const environmentId = textField(body.value, 'environment_id', idBounds);
      if (!environmentId.ok) return refusal(400, 'bad_request', environmentId.reason);
      const title = optionalTextField(body.value, 'title', titleCharactersMax);
      if (!title.ok) return refusal(400, 'bad_request', title.reason);
      const metadata = textPairs(body.value['metadata'], 'metadata');
      if (!metadata.ok) return refusal(400, 'invalid_metadata', metadata.reason);
      const unserved = unservedSessionField(body.value);
      if (unserved !== undefined) return refusal(400, 'bad_request', unserved);
      const created = this.#environments.createSession({
        workspaceId,
        actorId: credential.apiKeyId,
        environmentId: environmentId.value,
        title: title.value ?? '',
        metadata: metadata.value,
      });
      return environmentAnswer(created, sessionJson);
    });
  }

  list(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, async ({ workspaceId }) => {
      const fields = pageFields(request, pageLimits);
      if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
      const { limit, page = '', includeArchived } = fields.value;
      const environmentId = queryText(request, 'environment_id') ?? '';
      const listed = this.#environments.listSessions({ workspaceId, limit, page, includeArchived, environmentId });
      return environmentAnswer(listed, ({ sessions, nextPage }) => ({
        data: sessions.map(sessionJson),
        next_page: nextPage === '' ? null : nextPage,
        prev_page: null,
      }));
    });
  }

  retrieve(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ workspaceId }) =>
      environmentAnswer(this.#environments.getSession({ workspaceId, sessionId: sessionIdOf(request) }), sessionJson),
    );
  }

  archive(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, ({ credential, workspaceId }) => {
      const named = { workspaceId, sessionId: sessionIdOf(request), actorId: credential.apiKeyId };
      return environmentAnswer(this.#environments.archiveSession(named), sessionJson);
    });
  }

  events(request: RestRequest): Promise<RestAnswer> {
    return this.#asManager(request, async ({ workspaceId }) => {
      const fields = pageFields(request, eventPageLimits);
      if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
      const { limit, page = '' } = fields.value;
      const named = { workspaceId, sessionId: sessionIdOf(request), limit, page };
      return environmentAnswer(this.#environments.listSessionEvents(named), ({ events, nextPage }) => ({
        data: events.map(sessionEventJson),
        next_page: nextPage === '' ? null : nextPage,
      }));
    });
  }

  async #asManager(request: RestRequest, run: (caller: Caller) => Promise<RestAnswer>): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    return caller.ok ? run(caller.value) : caller.reason;
  }
}

function sessionIdOf(request: RestRequest): string {
  return request.params['sessionId'] ?? '';
}

export const sessionsController = restController(SessionsController, [Callers, Environments], {
  create: 'POST /v1/sessions',
  list: 'GET /v1/sessions',
  retrieve: 'GET /v1/sessions/:sessionId',
  archive: 'POST /v1/sessions/:sessionId/archive',
  events: 'GET /v1/sessions/:sessionId/events',
});
