import type { GatewayErrorCode } from '@sallyport/mcp-wire';
import { fail, ok, type Result } from '@sallyport/result';
import type { TunnelTarget } from '../../domain/request-target.ts';
import type { Route, RouteRefusal, Routes } from '../../ports/routes.ts';
import type { AcceptedRequest, Destination, Destinations } from './destination.ts';
import { refuse } from './refuse.ts';
import type { RelayHandler } from './relay-handler.ts';

const routeErrors: Record<RouteRefusal, GatewayErrorCode> = {
  credential_unknown: 'unauthenticated',
  host_unknown: 'unknown_tunnel',
  tunnel_archived: 'unknown_tunnel',
  control_unavailable: 'control_unavailable',
};

/** MCP servers behind tunnels. */
export class TunnelDestinations implements Destinations<TunnelTarget> {
  readonly #routes: Routes;
  readonly #handler: RelayHandler;

  constructor(routes: Routes, handler: RelayHandler) {
    this.#routes = routes;
    this.#handler = handler;
  }

  async resolve(credential: string, { host, path }: TunnelTarget): Promise<Result<Destination, GatewayErrorCode>> {
    // A credential in a URL would go on to the private server.
    if (path.includes(credential)) return fail('bad_request');
    const route = await this.#routes.resolve(credential, host);
    if (!route.ok) return fail(routeErrors[route.reason]);
    const { value } = route;
    return ok({
      principalId: value.principalId,
      stillOpen: () => this.#stillOpen(credential, value),
      posted: (request, body) => this.#handler.posted({ ...request, route: value, path }, body),
      withoutBody: (request) => this.#withoutBody(request, value, path),
    });
  }

  stop(): Promise<void> {
    return this.#handler.stop();
  }

  /** Not on a credential that was revoked meanwhile, for a tunnel that is gone, or under a policy that has changed. */
  async #stillOpen(credential: string, { host, policy }: Route): Promise<'open' | 'closed' | 'unknown'> {
    const route = await this.#routes.resolve(credential, host);
    if (!route.ok) return route.reason === 'control_unavailable' ? 'unknown' : 'closed';
    return route.value.policy.sha256 === policy.sha256 ? 'open' : 'closed';
  }

  async #withoutBody(request: AcceptedRequest, route: Route, path: string): Promise<void> {
    const { incoming, client } = request;
    const { method } = incoming;
    if (method === 'DELETE' && incoming.headers['mcp-session-id'] === undefined)
      refuse(incoming, client, 'bad_request'); // DELETE ends a session, and nothing else
    else if (method === 'GET' || method === 'DELETE') await this.#handler.withoutBody({ ...request, route, path });
    else refuse(incoming, client, 'method_not_allowed', { allow: 'POST, GET, DELETE' });
  }
}
