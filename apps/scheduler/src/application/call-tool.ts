import type { CallSubject } from '@sallyport/audit-events';
import { decide, type PolicyAnswer } from '@sallyport/policy';
import { fail, ok, type Result } from '@sallyport/result';
import { parseToolInput, toolDefinitions } from '@sallyport/sandbox-tools';
import { SparseRecord } from '../domain/sparse-record.ts';
import type { CallJournal } from '../ports/call-journal.ts';
import type { EnvironmentView } from '../ports/environments.ts';
import type { Policies } from '../ports/policies.ts';
import type { SessionTrail } from '../ports/session-trail.ts';
import type { Lanes } from './lanes.ts';
import type { PlaceWork } from './place-work.ts';
import type { SessionDirectory } from './session-directory.ts';
import { type CallEnd, ToolCall, type ToolCallDependencies } from './tool-call.ts';

/** Who calls, as the router has authenticated it. */
export interface Caller {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly clientIp: string;
}

export interface ToolCallAsk {
  readonly caller: Caller;
  readonly sessionId: string;
  readonly callId: string;
  readonly tool: string;
  readonly argumentsJson: Uint8Array;
  readonly jsonrpcId: string;
  readonly protocolVersion: string;
  readonly era: 'legacy' | 'modern';
  readonly traceparent: string;
  readonly clientName: string;
  readonly clientVersion: string;
  readonly signal: AbortSignal;
  readonly onOutput: (data: Uint8Array) => void;
}

/** The call was not made, and no event of a call is recorded. */
export type CallToolRefusal =
  | { readonly code: 'unknown_session' | 'session_ended' | 'session_busy' | 'queue_full' | 'duplicate_call' }
  | { readonly code: 'control_unavailable' | 'audit_unavailable' | 'shutting_down' };

export type CallToolAnswer =
  | { readonly kind: 'denied'; readonly answer: PolicyAnswer }
  | { readonly kind: 'ended'; readonly end: CallEnd };

export interface CallToolLimits {
  /** How long a tool may take that has no time limit of its own in its arguments. */
  readonly callMsMax: number;
  /** What an executor gets on top of the tool's own limit. */
  readonly answerGraceMs: number;
}

export interface CallToolDependencies extends ToolCallDependencies {
  readonly sessions: SessionDirectory;
  readonly policies: Policies;
  readonly trail: SessionTrail;
  readonly lanes: Lanes;
  readonly place: PlaceWork;
  readonly commitArguments: (callId: string, json: Uint8Array) => { commitment: string; bytes: number };
  readonly limits: CallToolLimits;
}

/** Of a workspace's calls of unknown sessions. */
const strangerEveryMs = 1_000;

/** Decides on a call of a session's tool, records it, and runs it when it is its turn. */
export class CallTool {
  readonly #dependencies: CallToolDependencies;
  readonly #strangers = new SparseRecord(strangerEveryMs);
  #isStopping = false;

  constructor(dependencies: CallToolDependencies) {
    this.#dependencies = dependencies;
  }

  /** New calls are refused from now on. */
  refuse(): void {
    this.#isStopping = true;
  }

  /** The tools that `run` allows the caller. */
  async tools(caller: Caller, sessionId: string): Promise<Result<typeof toolDefinitions, CallToolRefusal>> {
    const found = await this.#find(caller, sessionId);
    if (!found.ok) return found;
    const policy = await this.#dependencies.policies.of(caller.workspaceId);
    if (!policy.ok) return fail({ code: policy.reason });
    const { environment } = found.value;
    return ok(
      toolDefinitions.filter(({ name }) => decide(policy.value, question(environment, name)).effect === 'allow'),
    );
  }

  async run(ask: ToolCallAsk): Promise<Result<CallToolAnswer, CallToolRefusal>> {
    const { lanes, policies, place } = this.#dependencies;
    if (this.#isStopping) return fail({ code: 'shutting_down' });
    const policy = await policies.of(ask.caller.workspaceId);
    if (!policy.ok) return fail({ code: policy.reason });
    // Last: from here to the lane nothing is waited for, so that an archived session is either seen here or ends the call.
    const found = await this.#find(ask.caller, ask.sessionId);
    if (!found.ok) {
      if (found.reason.code === 'unknown_session') await this.#recordStranger(ask);
      return found;
    }
    const { session, environment } = found.value;
    const answer = decide(policy.value, question(environment, ask.tool));
    const decision = { ...answer, policyId: policy.value.policyId, policySha256: policy.value.sha256 };
    const record = this.#record(ask, environment);
    if (answer.effect === 'deny') {
      const denied = await this.#dependencies.journal.deny(record, decision);
      return denied.ok ? ok({ kind: 'denied', answer }) : fail({ code: 'audit_unavailable' });
    }
    if (lanes.laneOf(ask.callId) !== undefined || lanes.endedCall(ask.callId) !== undefined)
      return fail({ code: 'duplicate_call' });
    const input = parseToolInput(ask.tool, ask.argumentsJson);
    if (!input.ok) {
      const call = new ToolCall({ ...ask, deadlineMs: 0 }, record, decision, this.#dependencies);
      await call.refuseArguments(`${input.reason.field}: ${input.reason.problem}`);
      return answerOf(await call.ended);
    }
    const known = lanes.find(session.sessionId);
    if (known?.hasRoom === false) return fail({ code: 'session_busy' });
    const needsPlace = known === undefined || (known.lease === undefined && known.isIdle);
    if (needsPlace && !place.hasRoom(environment.environmentId, session.workspaceId))
      return fail({ code: 'queue_full' });
    const { limits } = this.#dependencies;
    const toolMs = input.value.timeoutMs ?? limits.callMsMax;
    const request = { ...ask, deadlineMs: Math.min(toolMs, limits.callMsMax) + limits.answerGraceMs };
    const call = new ToolCall(request, record, decision, this.#dependencies);
    lanes.submit(lanes.open(session, environment), call);
    return answerOf(await call.ended);
  }

  async #find(caller: Caller, sessionId: string) {
    const found = await this.#dependencies.sessions.find(sessionId);
    // Another workspace's session does not exist.
    if (found === undefined || found.session.workspaceId !== caller.workspaceId)
      return fail({ code: 'unknown_session' } as const);
    return found.session.status === 'terminated' ? fail({ code: 'session_ended' } as const) : ok(found);
  }

  async #recordStranger({ caller, sessionId, callId }: ToolCallAsk): Promise<void> {
    const { clock, trail } = this.#dependencies;
    const { workspaceId, principalId } = caller;
    if (this.#strangers.isDue(workspaceId, clock.nowMs()))
      await trail.refused({ workspaceId, principalId, sessionId, callId }, 'unknown_session');
  }

  #record(ask: ToolCallAsk, environment: EnvironmentView): Parameters<CallJournal['deny']>[0] {
    const { clock, commitArguments } = this.#dependencies;
    return {
      subject: subjectOf(ask, environment, commitArguments(ask.callId, ask.argumentsJson)),
      traceparent: ask.traceparent,
      startedAtMs: clock.nowMs(),
    };
  }
}

function answerOf(end: CallEnd): Result<CallToolAnswer, CallToolRefusal> {
  return end.code === 'audit_unavailable' ? fail({ code: 'audit_unavailable' }) : ok({ kind: 'ended', end });
}

function question({ environmentId, name }: EnvironmentView, tool: string) {
  return { environmentId, environmentName: name, tool };
}

/** Texts that the client chose are cut to their bound and made well-formed: an event must never fail because of them. */
function subjectOf(ask: ToolCallAsk, environment: EnvironmentView, args: CallSubject['arguments']): CallSubject {
  const { caller, clientName, clientVersion } = ask;
  const text = (value: string, charactersMax: number) => value.slice(0, charactersMax).toWellFormed();
  return {
    callId: ask.callId,
    workspaceId: caller.workspaceId,
    actor: {
      principalId: caller.principalId,
      authentication: 'api_key',
      clientIp: text(caller.clientIp, 64),
      ...(clientName === '' ? {} : { clientName: text(clientName, 128) }),
      ...(clientVersion === '' ? {} : { clientVersion: text(clientVersion, 64) }),
    },
    session: { id: ask.sessionId },
    tool: { name: text(ask.tool, 256), server: 'sandbox', primitive: 'tool' },
    request: {
      jsonrpcId: text(ask.jsonrpcId, 128),
      protocolVersion: text(ask.protocolVersion, 32),
      era: ask.era,
    },
    sandbox: { environmentId: environment.environmentId, requiredTier: environment.placement.tier },
    arguments: args,
  };
}
