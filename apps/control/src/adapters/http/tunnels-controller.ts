import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { fail, ok, type Result } from '@sallyport/result';
import { ChangeTunnel } from '../../application/change-tunnel.ts';
import { CreateTunnel, type NewTunnel } from '../../application/create-tunnel.ts';
import { type TunnelToken, TunnelTokens } from '../../application/tunnel-tokens.ts';
import { ClockAndIds } from '../../ports/clock-and-ids.ts';
import { TunnelDirectory } from '../../ports/tunnel-directory.ts';
import { json, refusal } from './api-answer.ts';
import { Callers } from './callers.ts';
import { type BadRequest, bodyObject, optionalTextField, pageFields } from './request-fields.ts';
import { tunnelJson, tunnelRefusal } from './tunnel-answers.ts';

const pageLimits = { limitDefault: 20, limitMax: 1_000 };
const nameCharactersMax = 255;

export class TunnelsController {
  readonly #callers: Callers;
  readonly #directory: TunnelDirectory;
  readonly #create: CreateTunnel;
  readonly #change: ChangeTunnel;
  readonly #tokens: TunnelTokens;
  readonly #clock: ClockAndIds;

  constructor(
    callers: Callers,
    directory: TunnelDirectory,
    create: CreateTunnel,
    change: ChangeTunnel,
    tokens: TunnelTokens,
    clock: ClockAndIds,
  ) {
    this.#callers = callers;
    this.#directory = directory;
    this.#create = create;
    this.#change = change;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  async create(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const wanted = newTunnel(request, caller.value.workspaceId);
    if (!wanted.ok) return refusal(400, 'bad_request', wanted.reason);
    const created = await this.#create.run(caller.value.credential.apiKeyId, wanted.value);
    if (created.ok) return json(tunnelJson(created.value));
    if (created.reason === 'contended') return tunnelRefusal('contended');
    return refusal(
      400,
      'too_many_tunnels',
      'The workspace has as many active tunnels as it may have: archive one first.',
    );
  }

  async list(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const fields = pageFields(request, pageLimits);
    if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
    const page = await this.#directory.tunnels(caller.value.workspaceId, fields.value);
    if (page === 'bad-page') return refusal(400, 'bad_request', '`page` is none of ours');
    return json({ data: page.items.map(tunnelJson), next_page: page.nextPage });
  }

  async retrieve(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const tunnel = await this.#directory.tunnel(caller.value.workspaceId, tunnelIdOf(request));
    return tunnel === undefined ? tunnelRefusal('tunnel-unknown') : json(tunnelJson(tunnel));
  }

  async archive(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const { credential, workspaceId } = caller.value;
    const tunnelId = tunnelIdOf(request);
    const command = { type: 'ArchiveTunnel', atMs: this.#clock.nowMs() } as const;
    const archived = await this.#change.run({ actorId: credential.apiKeyId, workspaceId }, tunnelId, command);
    return archived.ok ? this.retrieve(request) : tunnelRefusal(archived.reason);
  }

  revealToken(request: RestRequest): Promise<RestAnswer> {
    return this.#token(request, (caller, tunnelId) => this.#tokens.reveal(caller, tunnelId));
  }

  async rotateToken(request: RestRequest): Promise<RestAnswer> {
    const body = bodyObject(request);
    const reason = body.ok ? optionalTextField(body.value, 'reason', nameCharactersMax) : body;
    if (!reason.ok) return refusal(400, 'bad_request', reason.reason);
    return this.#token(request, (caller, tunnelId) => this.#tokens.rotate(caller, tunnelId, reason.value));
  }

  async #token(
    request: RestRequest,
    run: (caller: { actorId: string; workspaceId: string }, tunnelId: string) => ReturnType<TunnelTokens['reveal']>,
  ): Promise<RestAnswer> {
    const caller = await this.#callers.authenticateInWorkspace(request, 'manage');
    if (!caller.ok) return caller.reason;
    const { credential, workspaceId } = caller.value;
    const token = await run({ actorId: credential.apiKeyId, workspaceId }, tunnelIdOf(request));
    return token.ok
      ? { ...json(tokenJson(token.value)), headers: { 'cache-control': 'no-store' } }
      : tunnelRefusal(token.reason);
  }
}

function tunnelIdOf(request: RestRequest): string {
  return request.params['tunnelId'] ?? '';
}

function tokenJson(token: TunnelToken) {
  return { id: token.tokenId, type: 'tunnel_token', tunnel_token: token.token };
}

/** `sallyport` holds what the public API does not know: the tunnel's mode, and whether its proxy cannot check the router. */
function newTunnel(request: RestRequest, workspaceId: string): Result<NewTunnel, BadRequest> {
  const body = bodyObject(request);
  if (!body.ok) return body;
  const displayName = optionalTextField(body.value, 'display_name', nameCharactersMax);
  if (!displayName.ok) return displayName;
  const own = body.value['sallyport'] ?? {};
  if (typeof own !== 'object') return fail('`sallyport` must be an object');
  const { mode = 'end_to_end', router_unauthenticated: routerUnauthenticated = false } = own as Readonly<
    Record<string, unknown>
  >;
  if (mode !== 'end_to_end' && mode !== 'transport')
    return fail('`sallyport.mode` must be "end_to_end" or "transport"');
  if (typeof routerUnauthenticated !== 'boolean')
    return fail('`sallyport.router_unauthenticated` must be true or false');
  return ok({ workspaceId, displayName: displayName.value, mode, routerUnauthenticated });
}

export const tunnelsController = restController(
  TunnelsController,
  [Callers, TunnelDirectory, CreateTunnel, ChangeTunnel, TunnelTokens, ClockAndIds],
  {
    create: 'POST /v1/tunnels',
    list: 'GET /v1/tunnels',
    retrieve: 'GET /v1/tunnels/:tunnelId',
    archive: 'POST /v1/tunnels/:tunnelId/archive',
    revealToken: 'POST /v1/tunnels/:tunnelId/reveal_token',
    rotateToken: 'POST /v1/tunnels/:tunnelId/rotate_token',
  },
);
