import type { LeaseEnd } from '../domain/work-item.ts';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { Lease, QueuedWork, WorkQueue } from '../ports/work-queue.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { Lane } from './lane.ts';
import type { PlaceWork } from './place-work.ts';

const retryMs = 1_000;
/** How long a session waits after a start that failed, or an executor that declined. */
const againAfterMs: Readonly<Partial<Record<LeaseEnd, number>>> = { start_failed: 2_000, declined: 500 };

/** Keeps what sessions want and what the queue says in step: the changes of one session are made one after the other. */
export class SandboxDemand {
  readonly #queue: WorkQueue;
  readonly #place: PlaceWork;
  readonly #executors: ConnectedExecutors;
  readonly #link: ExecutorLink;
  readonly #failed: (error: unknown) => void;
  readonly #chains = new Map<string, Promise<void>>();
  readonly #queued = new Map<string, QueuedWork>();

  constructor(
    queue: WorkQueue,
    place: PlaceWork,
    executors: ConnectedExecutors,
    link: ExecutorLink,
    failed: (error: unknown) => void,
  ) {
    this.#queue = queue;
    this.#place = place;
    this.#executors = executors;
    this.#link = link;
    this.#failed = failed;
  }

  /** A call waits for a sandbox. While the database is away it is tried again, as long as the call waits. */
  want(lane: Lane): void {
    const { sessionId, environmentId, workspaceId } = lane.session;
    this.#then(sessionId, async () => {
      if (!lane.needsSandbox || this.#queued.has(sessionId)) return;
      try {
        const work = await this.#queue.queue({ sessionId, environmentId, workspaceId });
        this.#queued.set(sessionId, work);
        this.#place.add(work, lane.environment, 0);
      } catch (error) {
        this.#failed(error);
        setTimeout(() => this.want(lane), retryMs).unref();
      }
    });
  }

  /** Nobody waits any more. */
  unwant(lane: Lane): void {
    const { sessionId } = lane.session;
    this.#then(sessionId, async () => {
      const work = this.#queued.get(sessionId);
      if (work === undefined || lane.needsSandbox) return;
      this.#place.remove(work.workId);
      try {
        const stopped = await this.#queue.stop(work.workId);
        if (stopped.ok) this.#queued.delete(sessionId);
      } catch (error) {
        // It may still be queued: the next call finds it there.
        this.#queued.delete(sessionId);
        throw error;
      }
    });
  }

  /** The session's work was claimed. */
  placed(sessionId: string): void {
    this.#queued.delete(sessionId);
  }

  /**
   * A claim is over: the lane hears of it at once, the executor is told to let go, the queue is changed. Where the database is away the lease runs out by
   * itself, since nobody renews it any more.
   */
  end(lane: Lane, lease: Lease, reason: LeaseEnd): void {
    if (lane.lease?.workId !== lease.workId || lane.lease.token !== lease.token) return;
    lane.leaseEnded(lease.token, reason);
    this.#executors.leaseEnded(lease.executorId);
    this.#place.leaseEnded(lease.workspaceId);
    this.#link.release(lease.executorId, lease);
    const { sessionId } = lane.session;
    this.#then(sessionId, async () => {
      const delayMs = againAfterMs[reason] ?? 0;
      const isWanted = lane.needsSandbox;
      const ended = await this.#queue.endLease(lease, reason, isWanted ? { delayMs } : undefined);
      if (!isWanted || !ended.ok) return;
      const work = {
        workId: lease.workId,
        sessionId,
        environmentId: lease.environmentId,
        workspaceId: lease.workspaceId,
      };
      this.#queued.set(sessionId, work);
      this.#place.add(work, lane.environment, delayMs);
    });
    if (lane.needsSandbox) this.want(lane);
  }

  /** Resolves when what was under way is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#chains.values());
  }

  #then(sessionId: string, change: () => Promise<void>): void {
    const before = this.#chains.get(sessionId) ?? Promise.resolve();
    const after = before.then(change).catch(this.#failed);
    this.#chains.set(sessionId, after);
    void after.then(() => {
      if (this.#chains.get(sessionId) === after) this.#chains.delete(sessionId);
    });
  }
}
