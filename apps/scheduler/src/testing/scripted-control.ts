import { identity, route } from '@sallyport/contracts';
import { type GrpcService, serviceName } from '@sallyport/grpc';
import { type ServerWritableStream, status } from '@grpc/grpc-js';

type Watch = ServerWritableStream<route.WatchRevisionRequest, route.WatchRevisionResponse>;

/** Control as the scheduler knows it: keys and one policy, changed by a test. */
export class ScriptedControl {
  /** By the SHA-256 of the key, hex. */
  readonly keys = new Map<string, identity.EnvironmentKeyIdentity>();
  rules: route.PolicyRule[] = [
    {
      ruleId: 'all',
      effect: route.PolicyEffect.ALLOW,
      tunnel: '*',
      server: '*',
      method: 'tools/call',
      name: '*',
      environment: '*',
    },
  ];
  /** Keys cannot be checked. */
  isAway = false;
  /** Runs once, after a key was looked up and before the scheduler hears of it. */
  duringCheck: (() => Promise<void>) | undefined;
  keyChecks = 0;
  #revision = 1n;
  readonly #watches = new Set<Watch>();

  /** What was changed is known to the scheduler at once. */
  changed(): void {
    this.#revision += 1n;
    for (const watch of this.#watches) watch.write({ revision: this.#revision });
  }

  services(): GrpcService[] {
    const routes: Partial<route.RouteServiceServer> = {
      resolvePolicy: (_call, callback) =>
        callback(null, { revision: this.#revision, policy: { policyId: 'pol_1', sha256: 'ab', rules: this.rules } }),
      watchRevision: (call: Watch) => {
        this.#watches.add(call);
        const beat = setInterval(() => call.write({ revision: this.#revision }), 500);
        call.write({ revision: this.#revision });
        call.once('close', () => {
          clearInterval(beat);
          this.#watches.delete(call);
        });
      },
    };
    const keys: identity.EnvironmentKeyServiceServer = {
      checkEnvironmentKey: ({ request }, callback) => {
        this.keyChecks += 1;
        if (this.isAway) return callback({ code: status.UNAVAILABLE, details: 'away' });
        const accepted = this.keys.get(Buffer.from(request.keySha256).toString('hex'));
        const { duringCheck } = this;
        this.duringCheck = undefined;
        void Promise.resolve(duringCheck?.()).then(() => callback(null, { accepted }));
      },
    };
    return [
      {
        definition: route.RouteServiceService,
        implementation: routes as route.RouteServiceServer,
        callers: { resolvePolicy: [serviceName.scheduler], watchRevision: [serviceName.scheduler] },
      },
      {
        definition: identity.EnvironmentKeyServiceService,
        implementation: keys,
        callers: { checkEnvironmentKey: [serviceName.scheduler] },
      },
    ];
  }
}
