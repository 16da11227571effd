import type { Result } from '@sallyport/result';

/** Who calls, and in which session. */
export interface SessionScope {
  readonly workspaceId: string;
  readonly principalId: string;
  readonly clientIp: string;
  /** `sesn_…`, as the client names it. */
  readonly sessionId: string;
}

export interface SessionTool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface SessionCall {
  readonly scope: SessionScope;
  /** `call_…`. */
  readonly callId: string;
  readonly tool: string;
  /** A JSON object, as the agent wrote it. */
  readonly argumentsJson: Uint8Array;
  /** As the agent wrote it. */
  readonly jsonrpcId: string;
  readonly protocolVersion: string;
  readonly era: 'legacy' | 'modern';
  readonly traceparent: string;
  readonly client: { readonly name: string; readonly version: string };
}

export type SessionCallPhase =
  | 'completed'
  | 'failed'
  | 'timed_out'
  | 'cancelled'
  | 'denied'
  | 'orphaned'
  | 'unrecorded';

/** How a call ended that was recorded. */
export interface SessionCallEnd {
  readonly phase: SessionCallPhase;
  /** Empty where there is no result. */
  readonly text: string;
  readonly isError: boolean;
  readonly code: string;
  /** For the agent, where there is no result. */
  readonly message: string;
  readonly ruleId: string;
  readonly denialReason: string;
}

/** Why there is no end. `sentence`, where there is one, is meant for the agent. */
export interface SessionFailure {
  readonly code:
    | 'unknown_session'
    | 'session_ended'
    | 'session_busy'
    | 'queue_full'
    | 'audit_unavailable'
    | 'control_unavailable'
    | 'shutting_down'
    | 'scheduler_unavailable'
    | 'call_cancelled'
    | 'stream_lost'
    | 'response_too_large'
    | 'upstream_timeout'
    | 'internal';
  readonly sentence?: string;
}

export interface RunningSessionCall {
  /** Never rejects. */
  readonly ended: Promise<Result<SessionCallEnd, SessionFailure>>;
  /** Afterwards `ended` is a failure, unless the end was on its way. */
  cancel(): void;
}

/** The tools of sandbox sessions. Nothing is sent twice. */
export abstract class SessionTools {
  /** Exactly those that `call` allows. */
  abstract list(scope: SessionScope): Promise<Result<readonly SessionTool[], SessionFailure>>;
  /** `onOutput` gets what the tool writes, as it writes it. */
  abstract call(call: SessionCall, onOutput: (bytes: Uint8Array) => void): RunningSessionCall;
}
