import { PassThrough } from 'node:stream';
import type { Decision, Outcome } from '@sallyport/audit-events';
import { fail, ok, type Result } from '@sallyport/result';
import type { PolicyRule } from '@sallyport/policy';
import { type CallRecord, CallRecorder, type EndPhase } from '../ports/call-recorder.ts';
import { type Route, type RouteRefusal, Routes } from '../ports/routes.ts';
import { type Principal, type PrincipalRefusal, Principals } from '../ports/principals.ts';
import { type RunningSessionCall, type SessionFailure, SessionTools } from '../ports/session-tools.ts';
import {
  type HeaderPairs,
  type UpstreamExchange,
  type UpstreamFailure,
  type UpstreamRequest,
  type UpstreamResponse,
  Upstreams,
} from '../ports/upstreams.ts';

type Recorded = Result<void, 'unrecorded' | 'already_ended'>;

/** Keeps what was recorded. `hold` makes every end wait for `release`. */
export class FakeRecorder extends CallRecorder {
  readonly phases: string[] = [];
  readonly outcomes: Outcome[] = [];
  readonly calls: CallRecord[] = [];
  beginResult: Result<void, 'unrecorded'> = ok(undefined);
  endResult: Recorded = ok(undefined);
  #gate: PromiseWithResolvers<void> | undefined;
  #beginGate: PromiseWithResolvers<void> | undefined;

  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  holdBegin(): void {
    this.#beginGate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#beginGate?.resolve();
  }

  override deny(_call: CallRecord, _decision: Decision): Promise<Result<void, 'unrecorded'>> {
    this.phases.push('denied');
    return Promise.resolve(this.beginResult);
  }

  override async begin(call: CallRecord): Promise<Result<void, 'unrecorded'>> {
    this.phases.push('dispatched');
    this.calls.push(call);
    await this.#beginGate?.promise;
    return this.beginResult;
  }

  override async end(_call: CallRecord, phase: EndPhase, outcome: Outcome): Promise<Recorded> {
    this.phases.push(phase);
    this.outcomes.push(outcome);
    await this.#gate?.promise;
    return this.endResult;
  }
}

/** One request that reached the private server, to be answered by the test. */
export class SentRequest {
  readonly route: Route;
  readonly request: UpstreamRequest;
  readonly body = new PassThrough();
  cancelled = false;
  readonly #response = Promise.withResolvers<Result<UpstreamResponse, UpstreamFailure>>();

  constructor(route: Route, request: UpstreamRequest) {
    this.route = route;
    this.request = request;
    this.body.on('error', () => undefined);
  }

  get text(): string {
    return Buffer.concat(this.request.body ?? []).toString();
  }

  head(status: number, headers: HeaderPairs): PassThrough {
    this.#response.resolve(ok({ status, headers, body: this.body, broken: () => lost }));
    return this.body;
  }

  json(text: string, status = 200, headers: HeaderPairs = []): void {
    this.head(status, [['content-type', 'application/json'], ...headers]).end(text);
  }

  events(headers: HeaderPairs = []): PassThrough {
    return this.head(200, [['content-type', 'text/event-stream'], ...headers]);
  }

  refuse(failure: UpstreamFailure): void {
    this.#response.resolve(fail(failure));
  }

  exchange(): UpstreamExchange {
    return {
      response: this.#response.promise,
      cancel: () => {
        this.cancelled = true;
        this.body.destroy();
        this.#response.resolve(fail(lost));
      },
    };
  }
}

export const lost: UpstreamFailure = {
  code: 'stream_lost',
  reason: 'test',
  sentence: 'The connection was lost during the call; the call may have taken effect.',
  sent: true,
};

/** The private servers, as the test plays them. */
export class FakeUpstreams extends Upstreams {
  readonly sent: SentRequest[] = [];
  onRequest: (sent: SentRequest) => void = () => undefined;
  readonly #waiting: ((sent: SentRequest) => void)[] = [];

  override send(route: Route, request: UpstreamRequest): UpstreamExchange {
    const sent = new SentRequest(route, request);
    this.sent.push(sent);
    this.#waiting.shift()?.(sent);
    this.onRequest(sent);
    return sent.exchange();
  }

  /** The next request that arrives. */
  next(): Promise<SentRequest> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export const allowTool = (name: string): PolicyRule => ({
  id: `allow-${name}`,
  effect: 'allow',
  tunnel: '*',
  server: '*',
  method: 'tools/call',
  environment: '',
  name,
});

/** Two workspaces' keys: `sk-alice` and `sk-bob` are two principals of one tunnel. */
export class FakeRoutes extends Routes {
  rules: readonly PolicyRule[] = [allowTool('echo')];
  policySha256 = '';
  revoked = '';
  unavailable = false;

  override resolve(credential: string, host: string): Promise<Result<Route, RouteRefusal>> {
    if (this.unavailable) return Promise.resolve(fail('control_unavailable'));
    if (!credential.startsWith('sk-') || credential === this.revoked)
      return Promise.resolve(fail('credential_unknown'));
    if (!host.endsWith('.tunnels.example')) return Promise.resolve(fail('host_unknown'));
    return Promise.resolve(
      ok({
        workspaceId: 'wrkspc_1',
        principalId: `apikey_${credential.slice(3)}`,
        tunnelId: 'tnl_1',
        tunnelDomain: 'x.tunnels.example',
        server: host.split('.', 1)[0] ?? '',
        host,
        mode: 'end_to_end',
        caCertificatesPem: [],
        caSetId: '',
        policy: { policyId: 'pol_1', sha256: this.policySha256, rules: this.rules },
        routerUnauthenticated: false,
      }),
    );
  }
}

/** Keys as those of `FakeRoutes`; the part before a dash is the workspace: `sk-alice` and `sk-alice-2` share one, `sk-bob` has another. */
export class FakePrincipals extends Principals {
  revoked = '';
  unavailable = false;

  override resolve(credential: string): Promise<Result<Principal, PrincipalRefusal>> {
    if (this.unavailable) return Promise.resolve(fail('control_unavailable'));
    if (!credential.startsWith('sk-') || credential === this.revoked)
      return Promise.resolve(fail('credential_unknown'));
    const name = credential.slice(3);
    return Promise.resolve(ok({ workspaceId: `wrkspc_${name.split('-', 1)[0]}`, principalId: `apikey_${name}` }));
  }
}

/** For beds that serve tunnels alone. */
export class NoSessionTools extends SessionTools {
  override list(): Promise<Result<never, SessionFailure>> {
    return Promise.resolve(fail({ code: 'scheduler_unavailable' }));
  }

  override call(): RunningSessionCall {
    return { ended: Promise.resolve(fail({ code: 'scheduler_unavailable' })), cancel: () => undefined };
  }
}
