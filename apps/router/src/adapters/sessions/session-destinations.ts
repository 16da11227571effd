import type { GatewayErrorCode } from '@sallyport/mcp-wire';
import { fail, ok, type Result } from '@sallyport/result';
import type { SessionTarget } from '../../domain/request-target.ts';
import type { Principal, PrincipalRefusal, Principals } from '../../ports/principals.ts';
import type { Destination, Destinations } from '../http/destination.ts';
import { refuse } from '../http/refuse.ts';
import type { SessionHandler } from './session-handler.ts';

const principalErrors: Record<PrincipalRefusal, GatewayErrorCode> = {
  credential_unknown: 'unauthenticated',
  control_unavailable: 'control_unavailable',
};

/** Sessions of sandboxes. Whether one is the caller's is for the scheduler to say. */
export class SessionDestinations implements Destinations<SessionTarget> {
  readonly #principals: Principals;
  readonly #handler: SessionHandler;

  constructor(principals: Principals, handler: SessionHandler) {
    this.#principals = principals;
    this.#handler = handler;
  }

  async resolve(credential: string, { sessionId }: SessionTarget): Promise<Result<Destination, GatewayErrorCode>> {
    const principal = await this.#principals.resolve(credential);
    if (!principal.ok) return fail(principalErrors[principal.reason]);
    const { principalId, workspaceId } = principal.value;
    return ok({
      principalId,
      stillOpen: () => this.#stillOpen(credential, principal.value),
      posted: (request, body) => {
        const scope = { workspaceId, principalId, clientIp: request.clientIp, sessionId };
        return this.#handler.posted(request, scope, body);
      },
      // No stream of the server, and no session of the protocol to end.
      withoutBody: ({ incoming, client }) =>
        Promise.resolve(refuse(incoming, client, 'method_not_allowed', { allow: 'POST' })),
    });
  }

  stop(): Promise<void> {
    return this.#handler.stop();
  }

  async #stillOpen(credential: string, { principalId }: Principal): Promise<'open' | 'closed' | 'unknown'> {
    const principal = await this.#principals.resolve(credential);
    if (!principal.ok) return principal.reason === 'control_unavailable' ? 'unknown' : 'closed';
    return principal.value.principalId === principalId ? 'open' : 'closed';
  }
}
