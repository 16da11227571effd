import { createHash } from 'node:crypto';
import { route as wire } from '@sallyport/contracts';
import { callUnary } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import type { Policy } from '@sallyport/policy';
import { type Route, type RouteRefusal, Routes } from '../../ports/routes.ts';
import type { ControlClient, RememberedAnswers } from './control-client.ts';

const resolveMsMax = 2_000;

type KnownRefusal = Exclude<RouteRefusal, 'control_unavailable'>;

const refusals: Partial<Record<wire.RouteRefusal, KnownRefusal>> = {
  [wire.RouteRefusal.CREDENTIAL_UNKNOWN]: 'credential_unknown',
  [wire.RouteRefusal.HOST_UNKNOWN]: 'host_unknown',
  [wire.RouteRefusal.TUNNEL_ARCHIVED]: 'tunnel_archived',
};

export class ControlRoutes extends Routes {
  readonly #control: ControlClient;
  readonly #answers: RememberedAnswers<Route, KnownRefusal>;

  constructor(control: ControlClient) {
    super();
    this.#control = control;
    this.#answers = control.remembered();
  }

  override resolve(credential: string, host: string): Promise<Result<Route, RouteRefusal>> {
    const credentialSha256 = createHash('sha256').update(credential).digest();
    return this.#answers.get(`${credentialSha256.toString('latin1')}${host}`, async () => {
      const { routes } = this.#control;
      const request = { credentialSha256, host };
      const options = { deadlineMs: resolveMsMax, waitForReady: true };
      const { revision, outcome } = await callUnary(routes.resolveRoute.bind(routes), request, options);
      return { revision, answer: parse(outcome, host) };
    });
  }
}

function parse(outcome: wire.ResolveRouteResponse['outcome'], host: string): Result<Route, KnownRefusal> | undefined {
  if (outcome === undefined) return undefined;
  if (outcome.$case === 'refused') {
    const refusal = refusals[outcome.value];
    return refusal === undefined ? undefined : fail(refusal);
  }
  const { value } = outcome;
  const mode =
    value.mode === wire.TunnelMode.END_TO_END
      ? 'end_to_end'
      : value.mode === wire.TunnelMode.TRANSPORT
        ? 'transport'
        : undefined;
  const policy = value.policy === undefined ? undefined : parsePolicy(value.policy);
  if (mode === undefined || policy === undefined) return undefined;
  return ok({
    workspaceId: value.workspaceId,
    principalId: value.principalId,
    tunnelId: value.tunnelId,
    tunnelDomain: value.tunnelDomain,
    server: value.server,
    host,
    mode,
    caCertificatesPem: value.caCertificatesPem,
    caSetId: createHash('sha256').update(value.caCertificatesPem.join('')).digest('base64url'),
    policy,
    routerUnauthenticated: value.routerUnauthenticated,
  });
}

/** A rule whose effect we do not know would be misread either way: the whole policy is then not understood. */
function parsePolicy(policy: wire.Policy): Policy | undefined {
  const rules: Policy['rules'][number][] = [];
  for (const rule of policy.rules) {
    const effect =
      rule.effect === wire.PolicyEffect.ALLOW ? 'allow' : rule.effect === wire.PolicyEffect.DENY ? 'deny' : undefined;
    if (effect === undefined) return undefined;
    rules.push({
      id: rule.ruleId,
      effect,
      tunnel: rule.tunnel,
      server: rule.server,
      method: rule.method,
      name: rule.name,
      environment: rule.environment,
    });
  }
  return { policyId: policy.policyId, sha256: policy.sha256, rules };
}
