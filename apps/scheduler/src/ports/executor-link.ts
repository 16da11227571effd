import type { PlacementRules } from '../domain/environment.ts';
import type { HeldLease } from './work-queue.ts';

export interface CallMessage {
  readonly lease: HeldLease;
  readonly callId: string;
  readonly tool: string;
  readonly argumentsJson: Uint8Array;
  readonly deadlineMs: number;
  readonly traceparent: string;
}

/** What can be told to a connected executor. False: it is not connected now, or takes nothing more. */
export abstract class ExecutorLink {
  abstract offer(executorId: string, lease: HeldLease, sessionId: string, rules: PlacementRules): boolean;
  abstract call(executorId: string, call: CallMessage): boolean;
  abstract cancel(executorId: string, lease: HeldLease, callId: string): boolean;
  abstract drain(executorId: string): boolean;
  abstract release(executorId: string, lease: HeldLease): boolean;
}
