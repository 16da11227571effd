import { fail, ok, type Result } from '@sallyport/result';
import type { Credential } from '../domain/credential.ts';
import type { RouteFacts, Routes } from '../ports/routes.ts';
import type { TunnelView } from '../ports/tunnel-directory.ts';
import type { Policy } from '../ports/workspaces.ts';

export interface ResolvedRoute {
  readonly credential: Credential;
  readonly tunnel: TunnelView;
  readonly server: string;
  readonly caCertificatesPem: readonly string[];
  readonly policy: Policy;
}

export type RouteRefusal = 'credential-unknown' | 'host-unknown' | 'tunnel-archived';

const serverShape = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Tells who a credential is and where a host leads, for a call. A tunnel of another workspace does not exist. */
export class ResolveRoute {
  readonly #routes: Routes;

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  async run(
    credentialSha256: Buffer,
    host: string,
  ): Promise<{ readonly revision: bigint; readonly route: Result<ResolvedRoute, RouteRefusal> }> {
    const dot = host.indexOf('.');
    const server = host.slice(0, Math.max(dot, 0));
    const facts = await this.#routes.read(credentialSha256, host.slice(dot + 1));
    return { revision: facts.revision, route: decide(facts, server) };
  }
}

function decide(facts: RouteFacts, server: string): Result<ResolvedRoute, RouteRefusal> {
  const { credential, tunnel, policy, caCertificatesPem } = facts;
  if (credential === undefined || !credential.scopes.includes('call')) return fail('credential-unknown');
  if (
    tunnel === undefined ||
    policy === undefined ||
    tunnel.workspaceId !== credential.workspaceId ||
    !serverShape.test(server)
  )
    return fail('host-unknown');
  if (tunnel.archivedAt !== null) return fail('tunnel-archived');
  return ok({ credential, tunnel, server, caCertificatesPem, policy });
}
