import type { Result } from '@sallyport/result';

import type { CallAnswer, CallRequest, ExecutorMessage, Lease, SandboxPlan } from './protocol-messages.ts';

/** What happens to the leases of an executor. */
export type LeaseInput =
  | {
      readonly type: 'registered';
      readonly kept: readonly Lease[];
      readonly leaseMs: number;
      readonly callBytesMax: number;
      /** When `register` was sent: leases that are kept run from there. */
      readonly sentAtMs: number;
    }
  /** `isAnswerForeign`: the scheduler left because an answer was about a call that it gave to another. */
  | { readonly type: 'disconnected'; readonly isAnswerForeign: boolean }
  | {
      readonly type: 'offered';
      readonly lease: Lease;
      readonly sessionId: string;
      /** The sandbox that it gets, or why this executor does not fit. */
      readonly fit: Result<SandboxPlan, string>;
    }
  | { readonly type: 'called'; readonly lease: Lease; readonly call: CallRequest }
  | { readonly type: 'cancelRequested'; readonly lease: Lease; readonly callId: string }
  | { readonly type: 'answerAcknowledged'; readonly callId: string }
  | { readonly type: 'heartbeatDue' }
  | { readonly type: 'heartbeatAcknowledged'; readonly lost: readonly Lease[] }
  | { readonly type: 'released'; readonly lease: Lease }
  | { readonly type: 'drainStarted' }
  | { readonly type: 'stopped' }
  | { readonly type: 'sandboxReady'; readonly lease: Lease; readonly startMs: number }
  | { readonly type: 'sandboxFailed'; readonly lease: Lease }
  | { readonly type: 'sandboxDied'; readonly lease: Lease }
  /** A sandbox that was to be destroyed is. */
  | { readonly type: 'sandboxGone'; readonly lease: Lease }
  | { readonly type: 'callEnded'; readonly answer: CallAnswer }
  | { readonly type: 'timePassed' };

/** Why a lease ended. Those that end a call with it are the codes of its answer. */
export type LeaseEnd =
  | 'start_failed'
  | 'sandbox_died'
  | 'executor_stopping'
  | 'lease_expired'
  | 'lease_released'
  | 'lease_replaced'
  | 'lease_not_kept';

/** What is to be done, in this order. */
export type LeaseEffect =
  | { readonly type: 'send'; readonly message: ExecutorMessage }
  /** Once an earlier sandbox of the same work item is gone. */
  | { readonly type: 'create'; readonly lease: Lease; readonly sessionId: string; readonly plan: SandboxPlan }
  | { readonly type: 'destroy'; readonly lease: Lease; readonly end: LeaseEnd }
  | { readonly type: 'run'; readonly lease: Lease; readonly call: CallRequest; readonly bytesMax: number }
  | { readonly type: 'abort'; readonly callId: string; readonly cause: 'cancelled' | 'lease_over' }
  /** The scheduler does not answer: leave the stream and dial again. */
  | { readonly type: 'cut'; readonly reason: 'heartbeat_unacknowledged' };
