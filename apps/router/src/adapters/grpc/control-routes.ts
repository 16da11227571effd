import { createHash } from 'node:crypto';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { route as wire } from '@sallyport/contracts';
import { callUnary, type GrpcChannel } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import type { Logger } from '@sallyport/telemetry';
import type { Policy } from '@sallyport/policy';
import { type Route, type RouteRefusal, Routes } from '../../ports/routes.ts';
import { type CachedRoute, RouteCache } from './route-cache.ts';

const resolveMsMax = 2_000;
/** Control sends a sign of life every second. */
const trustMs = 5_000;
const reconnectMs = 250;

const refusals: Partial<Record<wire.RouteRefusal, Exclude<RouteRefusal, 'control_unavailable'>>> = {
  [wire.RouteRefusal.CREDENTIAL_UNKNOWN]: 'credential_unknown',
  [wire.RouteRefusal.HOST_UNKNOWN]: 'host_unknown',
  [wire.RouteRefusal.TUNNEL_ARCHIVED]: 'tunnel_archived',
};

/** Asks control, and remembers the answers for as long as control confirms that nothing has changed. */
export class ControlRoutes extends Routes {
  readonly #client: wire.RouteServiceClient;
  readonly #log: Logger;
  readonly #cache = new RouteCache();
  readonly #asking = new Map<string, Promise<Result<Route, RouteRefusal>>>();
  #watch: ClientReadableStream<wire.WatchRevisionResponse> | undefined;
  #stopped = false;

  constructor(channel: GrpcChannel, log: Logger) {
    super();
    this.#client = new wire.RouteServiceClient(channel.address, channel.credentials, channel.options);
    this.#log = log;
  }

  start(): Promise<void> {
    this.#listen();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#watch?.cancel();
    this.#client.close();
    return Promise.resolve();
  }

  override resolve(credential: string, host: string): Promise<Result<Route, RouteRefusal>> {
    const sha256 = createHash('sha256').update(credential).digest();
    const key = `${sha256.toString('latin1')}${host}`;
    const cached = this.#cache.get(key, performance.now());
    if (cached !== undefined) return Promise.resolve(cached);
    const asking = this.#asking.get(key) ?? this.#ask(key, sha256, host).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(key: string, credentialSha256: Buffer, host: string): Promise<Result<Route, RouteRefusal>> {
    try {
      const response = await callUnary(
        this.#client.resolveRoute.bind(this.#client),
        { credentialSha256, host },
        { deadlineMs: resolveMsMax, waitForReady: true },
      );
      const answer = parse(response.outcome, host);
      if (answer === undefined) return fail('control_unavailable');
      this.#cache.put(key, answer, response.revision);
      return answer;
    } catch (error) {
      this.#log.warn({ err: error }, 'control could not be asked for a route');
      return fail('control_unavailable');
    }
  }

  #listen(): void {
    const watch = this.#client.watchRevision({});
    this.#watch = watch;
    watch.on('data', ({ revision }: wire.WatchRevisionResponse) =>
      this.#cache.trust(revision, performance.now() + trustMs),
    );
    let ended = false;
    const again = () => {
      if (ended || this.#stopped) return;
      ended = true;
      setTimeout(() => this.#listen(), reconnectMs).unref();
    };
    watch.on('error', again);
    watch.on('end', again);
  }
}

function parse(outcome: wire.ResolveRouteResponse['outcome'], host: string): CachedRoute | undefined {
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
