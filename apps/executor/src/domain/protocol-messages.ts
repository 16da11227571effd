/** A session's work item in the hands of one executor. The token fences: it rises with each claim. */
export interface Lease {
  readonly workId: string;
  readonly token: bigint;
}

export interface SandboxLimits {
  readonly memoryMib: number;
  readonly pids: number;
  readonly cpuMillis: number;
  readonly workspaceMib: number;
}

/** What an offer asks of the sandbox. An empty text means any, a zero the executor's own limit. */
export interface SandboxRequirements extends SandboxLimits {
  readonly tier: string;
  readonly runtime: string;
}

/** The sandbox that an accepted offer gets. */
export interface SandboxPlan {
  readonly runtime: string;
  readonly limits: SandboxLimits;
}

export interface CallRequest {
  readonly callId: string;
  readonly tool: string;
  readonly argumentsJson: Uint8Array;
  readonly deadlineMs: number;
  readonly traceparent: string;
}

export type CallOutcome = 'done' | 'timed_out' | 'cancelled' | 'lost' | 'refused';

export interface CallAnswer {
  readonly lease: Lease;
  readonly callId: string;
  readonly outcome: CallOutcome;
  readonly text: string;
  readonly isError: boolean;
  /** A stable code where the outcome is not `done`. */
  readonly code: string;
  readonly durationMs: number;
}

/** What the scheduler says first. */
export interface Registered {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly environmentId: string;
  readonly kept: readonly Lease[];
  readonly callBytesMax: number;
}

/** What the scheduler says, checked. */
export type SchedulerMessage =
  | { readonly type: 'registered'; readonly registered: Registered }
  | {
      readonly type: 'offer';
      readonly lease: Lease;
      readonly sessionId: string;
      readonly requirements: SandboxRequirements;
    }
  | { readonly type: 'call'; readonly lease: Lease; readonly call: CallRequest }
  | { readonly type: 'cancel'; readonly lease: Lease; readonly callId: string }
  | { readonly type: 'answerAcknowledged'; readonly callId: string }
  | { readonly type: 'heartbeatAcknowledged'; readonly lost: readonly Lease[] }
  | { readonly type: 'release'; readonly lease: Lease }
  | { readonly type: 'drain' };

/** Why a sandbox is gone, as the protocol has it. */
export type SandboxLossReason = 'start_failed' | 'sandbox_died' | 'executor_stopping';

/** What the executor says once it is registered. */
export type ExecutorMessage =
  | { readonly type: 'credits'; readonly offers: number }
  | { readonly type: 'accept'; readonly lease: Lease }
  | { readonly type: 'decline'; readonly lease: Lease; readonly reason: string }
  | { readonly type: 'sandboxReady'; readonly lease: Lease; readonly startMs: number }
  | { readonly type: 'sandboxLost'; readonly lease: Lease; readonly reason: SandboxLossReason }
  | { readonly type: 'output'; readonly lease: Lease; readonly callId: string; readonly data: Uint8Array }
  | { readonly type: 'answer'; readonly answer: CallAnswer }
  | { readonly type: 'heartbeat'; readonly leases: readonly Lease[] }
  | { readonly type: 'draining' };
