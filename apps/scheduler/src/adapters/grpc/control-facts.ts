import type { ClientReadableStream } from '@grpc/grpc-js';
import { identity, route } from '@sallyport/contracts';
import { callUnary, type GrpcChannel } from '@sallyport/grpc';
import type { Policy } from '@sallyport/policy';
import { fail, ok, type Result } from '@sallyport/result';
import type { Logger } from '@sallyport/telemetry';
import { type EnvironmentKeyIdentity, EnvironmentKeys } from '../../ports/environment-keys.ts';
import { Policies } from '../../ports/policies.ts';

const askMsMax = 2_000;
/** Control sends a sign of life every second. */
const trustMs = 5_000;
const reconnectMs = 250;
const policiesMax = 10_000;

/** Control's word on policies, remembered for as long as control confirms that nothing has changed. */
export class ControlPolicies extends Policies {
  readonly #client: route.RouteServiceClient;
  readonly #log: Logger;
  readonly #policies = new Map<string, Policy>();
  readonly #listeners: (() => void)[] = [];
  #revision = 0n;
  #trustedUntilMs = 0;
  #watch: ClientReadableStream<route.WatchRevisionResponse> | undefined;
  #stopped = false;

  constructor(channel: GrpcChannel, log: Logger) {
    super();
    this.#client = new route.RouteServiceClient(channel.address, channel.credentials, channel.options);
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

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  override async of(workspaceId: string): Promise<Result<Policy, 'control_unavailable'>> {
    const known = performance.now() < this.#trustedUntilMs ? this.#policies.get(workspaceId) : undefined;
    if (known !== undefined) return ok(known);
    try {
      const { policy, revision } = await callUnary(
        this.#client.resolvePolicy.bind(this.#client),
        { workspaceId },
        { deadlineMs: askMsMax, waitForReady: true },
      );
      const read = policy === undefined ? undefined : readPolicy(policy);
      if (read === undefined) return fail('control_unavailable');
      if (revision === this.#revision && this.#policies.size < policiesMax) this.#policies.set(workspaceId, read);
      return ok(read);
    } catch (error) {
      this.#log.warn({ err: error, workspaceId }, 'control could not be asked for a policy');
      return fail('control_unavailable');
    }
  }

  #listen(): void {
    const watch = this.#client.watchRevision({});
    this.#watch = watch;
    watch.on('data', ({ revision }: route.WatchRevisionResponse) => {
      this.#trustedUntilMs = performance.now() + trustMs;
      if (revision === this.#revision) return;
      this.#revision = revision;
      this.#policies.clear();
      for (const listener of this.#listeners) listener();
    });
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

/** A rule whose effect we do not know would be misread either way: the whole policy is then not understood. */
function readPolicy({ policyId, sha256, rules }: route.Policy): Policy | undefined {
  const read: Policy['rules'][number][] = [];
  for (const { ruleId, effect, tunnel, server, method, name, environment } of rules) {
    const known =
      effect === route.PolicyEffect.ALLOW ? 'allow' : effect === route.PolicyEffect.DENY ? 'deny' : undefined;
    if (known === undefined) return undefined;
    read.push({ id: ruleId, effect: known, tunnel, server, method, name, environment });
  }
  return { policyId, sha256, rules: read };
}

/** Control's word on environment keys. Never remembered: executors connect seldom. */
export class ControlEnvironmentKeys extends EnvironmentKeys {
  readonly #client: identity.EnvironmentKeyServiceClient;
  readonly #changes: ControlPolicies;
  readonly #log: Logger;

  constructor(channel: GrpcChannel, changes: ControlPolicies, log: Logger) {
    super();
    this.#client = new identity.EnvironmentKeyServiceClient(channel.address, channel.credentials, channel.options);
    this.#changes = changes;
    this.#log = log;
  }

  override onChange(listener: () => void): void {
    this.#changes.onChange(listener);
  }

  override async check(
    keySha256: Uint8Array,
  ): Promise<Result<EnvironmentKeyIdentity, 'unknown' | 'control_unavailable'>> {
    try {
      const { accepted } = await callUnary(
        this.#client.checkEnvironmentKey.bind(this.#client),
        { keySha256: Buffer.from(keySha256) },
        { deadlineMs: askMsMax, waitForReady: true },
      );
      return accepted === undefined ? fail('unknown') : ok(accepted);
    } catch (error) {
      this.#log.warn({ err: error }, 'control could not be asked about an environment key');
      return fail('control_unavailable');
    }
  }
}
