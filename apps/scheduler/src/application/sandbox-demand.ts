import type { LeaseEnd } from '../domain/work-item.ts';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { Lease, QueuedWork, WorkQueue } from '../ports/work-queue.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { PlaceWork } from './place-work.ts';

const retryMs = 1_000;
/** How often the end of a lease is tried again while the database is away; after that the lease runs out by itself. */
const endTriesMax = 60;
/** How long a session waits after a start that failed, or an executor that declined. */
const againAfterMs: Readonly<Partial<Record<LeaseEnd, number>>> = { start_failed: 2_000, declined: 500 };

/** Keeps what sessions want and what the queue says in step: the changes of one session are made one after the other. */
export class SandboxDemand {
  readonly #queue: WorkQueue;
  readonly #lanes: Lanes;
  readonly #place: PlaceWork;
  readonly #executors: ConnectedExecutors;
  readonly #link: ExecutorLink;
  readonly #failed: (error: unknown) => void;
  readonly #chains = new Map<string, Promise<void>>();
  readonly #queued = new Map<string, QueuedWork>();

  constructor(
    parts: {
      readonly queue: WorkQueue;
      readonly lanes: Lanes;
      readonly place: PlaceWork;
      readonly executors: ConnectedExecutors;
      readonly link: ExecutorLink;
    },
    failed: (error: unknown) => void,
  ) {
    this.#queue = parts.queue;
    this.#lanes = parts.lanes;
    this.#place = parts.place;
    this.#executors = parts.executors;
    this.#link = parts.link;
    this.#failed = failed;
  }

  /**
   * A call waits for a sandbox. While the database is away, or holds a claim whose end is still to be written, it is tried again, as long as the call
   * waits.
   */
  want(lane: Lane): void {
    const { sessionId, environmentId, workspaceId } = lane.session;
    const again = () => setTimeout(() => this.want(lane), retryMs).unref();
    this.#then(sessionId, async () => {
      if (!lane.needsSandbox || this.#queued.has(sessionId)) return;
      try {
        const queued = await this.#queue.queue({ sessionId, environmentId, workspaceId });
        if (queued.ok) this.#add(queued.value, lane, 0);
        else if (queued.reason === 'session-ended') this.#lanes.close(sessionId);
        else again();
      } catch (error) {
        this.#failed(error);
        again();
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

  /** A claim that nobody waits for any more. */
  giveBack(lease: Lease, reason: LeaseEnd): void {
    this.#endInQueue(undefined, lease, reason, endTriesMax);
  }

  /** Work that was believed to wait is over: a claim of which nobody here knew has ended. */
  gone({ workId, sessionId }: Lease): void {
    if (this.#queued.get(sessionId)?.workId !== workId) return;
    this.#queued.delete(sessionId);
    this.#place.remove(workId);
    const lane = this.#lanes.find(sessionId);
    if (lane !== undefined) this.want(lane);
  }

  /**
   * A claim is over: the lane hears of it at once, the executor is told to let go, the queue is changed. Nobody renews the lease any more, so it ends in
   * the queue even if that cannot be written.
   */
  end(lane: Lane, lease: Lease, reason: LeaseEnd): void {
    if (lane.lease?.workId !== lease.workId || lane.lease.token !== lease.token) return;
    this.#lanes.leaseEnded(lane, lease, reason);
    this.#executors.leaseEnded(lease.executorId);
    this.#place.leaseEnded(lease.workspaceId);
    this.#link.release(lease.executorId, lease);
    this.#endInQueue(lane, lease, reason, endTriesMax);
    if (lane.needsSandbox) this.want(lane);
  }

  /** Resolves when what was under way is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#chains.values());
  }

  #endInQueue(lane: Lane | undefined, lease: Lease, reason: LeaseEnd, triesLeft: number): void {
    this.#then(lease.sessionId, async () => {
      const delayMs = againAfterMs[reason] ?? 0;
      const isWanted = lane?.needsSandbox === true && !this.#queued.has(lease.sessionId);
      try {
        const ended = await this.#queue.endLease(lease, reason, isWanted ? { delayMs } : undefined);
        if (isWanted && ended.ok) this.#add(lease, lane, delayMs);
      } catch (error) {
        this.#failed(error);
        if (triesLeft > 1) setTimeout(() => this.#endInQueue(lane, lease, reason, triesLeft - 1), retryMs).unref();
      }
    });
  }

  #add({ workId, sessionId, environmentId, workspaceId }: QueuedWork, lane: Lane, delayMs: number): void {
    const work = { workId, sessionId, environmentId, workspaceId };
    this.#queued.set(sessionId, work);
    this.#place.add(work, lane.environment, delayMs);
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
