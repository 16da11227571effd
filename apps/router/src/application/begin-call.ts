import type { CallSubject } from '@sallyport/audit-events';
import { fail, ok, type Result } from '@sallyport/result';
import { decide, type PolicyAnswer } from '@sallyport/policy';
import type { CallRecord, CallRecorder } from '../ports/call-recorder.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { Route } from '../ports/routes.ts';
import { CallInFlight } from './call-in-flight.ts';
import type { OpenCalls } from './open-calls.ts';

export interface CallRequest {
  readonly callId: string;
  readonly route: Route;
  readonly toolName: string;
  readonly jsonrpcId: { readonly raw: string; readonly key: string };
  readonly era: 'legacy' | 'modern';
  readonly protocolVersion: string;
  readonly sessionId: string | undefined;
  /** What events say of the session. */
  readonly sessionReference: string | undefined;
  readonly clientIp: string;
  readonly traceparent: string;
  readonly arguments: { readonly commitment: string; readonly bytes: number };
}

export type BeginRefusal = { readonly kind: 'denied'; readonly answer: PolicyAnswer } | { readonly kind: 'unrecorded' };

const toolNameMax = 256;
const shortTextMax = 128;
const versionMax = 32;

/** Decides on a tool call and records it, before anything is sent. */
export class BeginCall {
  readonly #recorder: CallRecorder;
  readonly #openCalls: OpenCalls;
  readonly #clock: ClockAndIds;
  readonly #callMsMax: number;

  constructor(recorder: CallRecorder, openCalls: OpenCalls, clock: ClockAndIds, callMsMax: number) {
    this.#recorder = recorder;
    this.#openCalls = openCalls;
    this.#clock = clock;
    this.#callMsMax = callMsMax;
  }

  async run(request: CallRequest): Promise<Result<CallInFlight, BeginRefusal>> {
    const { route } = request;
    const { tunnelId, tunnelDomain, server, policy } = route;
    const answer = decide(policy, { tunnelId, tunnelDomain, server, method: 'tools/call', name: request.toolName });
    const record: CallRecord = {
      subject: subjectOf(request),
      traceparent: request.traceparent,
      startedAtMs: this.#clock.nowMs(),
    };
    const decision = { ...answer, policyId: policy.policyId, policySha256: policy.sha256 };
    if (answer.effect === 'deny') {
      const denied = await this.#recorder.deny(record, decision);
      return fail(denied.ok ? { kind: 'denied', answer } : { kind: 'unrecorded' });
    }
    const begun = await this.#recorder.begin(record, decision, this.#callMsMax);
    if (!begun.ok) return fail({ kind: 'unrecorded' });
    const call: CallInFlight = new CallInFlight(record, this.#recorder, this.#clock, () => forget());
    const forget = this.#openCalls.add(request, request.jsonrpcId.key, call);
    return ok(call);
  }
}

/** Texts that the client chose are cut to their bound and made well-formed: an event must never fail because of them. */
function subjectOf(request: CallRequest): CallSubject {
  const { route, sessionReference } = request;
  const text = (value: string, charactersMax: number) => value.slice(0, charactersMax).toWellFormed();
  return {
    callId: request.callId,
    workspaceId: route.workspaceId,
    actor: { principalId: route.principalId, authentication: 'api_key', clientIp: text(request.clientIp, 64) },
    ...(sessionReference === undefined ? {} : { session: { id: sessionReference } }),
    tool: { name: text(request.toolName, toolNameMax), server: route.server, primitive: 'tool' },
    request: {
      jsonrpcId: text(request.jsonrpcId.raw, shortTextMax),
      protocolVersion: text(request.protocolVersion, versionMax),
      era: request.era,
    },
    route: {
      tunnelId: route.tunnelId,
      host: route.host,
      mode: route.mode,
      routerUnauthenticated: route.routerUnauthenticated,
    },
    arguments: request.arguments,
  };
}
