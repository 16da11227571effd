import type { Result } from '@sallyport/result';
import type { LeaseEnd, WorkItemRefusal } from '../domain/work-item.ts';

export interface QueuedWork {
  readonly workId: string;
  readonly sessionId: string;
  readonly environmentId: string;
  readonly workspaceId: string;
}

/** A claim: the work item, and the fencing token that every write about it carries. */
export interface Lease extends QueuedWork {
  readonly token: number;
  readonly executorId: string;
}

export interface HeldLease {
  readonly workId: string;
  readonly token: number;
}

export interface QueueDepth {
  readonly waiting: number;
  /** 0 where nothing waits. */
  readonly oldestQueuedAtMs: number;
  readonly leased: number;
}

/**
 * Work items and their leases, durable. Time is the database's. Every change of an item is decided on its stream and checks the token: what is
 * fenced changes nothing.
 */
export abstract class WorkQueue {
  /** Queues work for a session, or finds what is queued for it already. `still-leased`: an earlier claim has not ended yet. */
  abstract queue(work: Omit<QueuedWork, 'workId'>): Promise<Result<QueuedWork, 'session-ended' | 'still-leased'>>;
  /** Gives the oldest waiting item of the workspace in the environment to the executor; undefined where none waits that nobody else is just taking. */
  abstract claim(environmentId: string, workspaceId: string, executorId: string): Promise<Lease | undefined>;
  abstract reportReady(lease: HeldLease, startMs: number): Promise<Result<void, WorkItemRefusal>>;
  /** `requeue`: somebody waits for the session; the item may be claimed again after `delayMs`. */
  abstract endLease(
    lease: HeldLease,
    reason: LeaseEnd,
    requeue: { readonly delayMs: number } | undefined,
  ): Promise<Result<void, WorkItemRefusal>>;
  /** Takes an item out of the queue for which nobody waits any more. */
  abstract stop(workId: string): Promise<Result<void, WorkItemRefusal>>;
  /** Renews those of the executor's leases that still are its own, and answers with the others. */
  abstract renew(executorId: string, held: readonly HeldLease[]): Promise<readonly HeldLease[]>;
  /** Leases whose time has run out. */
  abstract lapsed(): Promise<readonly Lease[]>;
  /** All live items: after a start, what an earlier process left. */
  abstract live(): Promise<{
    readonly leased: readonly (Lease & { readonly isReady: boolean })[];
    readonly queued: readonly QueuedWork[];
  }>;
  abstract depth(environmentId: string): Promise<QueueDepth>;
}
