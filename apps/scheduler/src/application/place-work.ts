import type { CallSandbox } from '@sallyport/audit-events';
import type { EnvironmentView } from '../ports/environments.ts';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { Lease, QueuedWork, WorkQueue } from '../ports/work-queue.ts';
import { FairShare, type Share } from '../domain/fair-share.ts';
import { chooseExecutor } from '../domain/placement.ts';
import type { ConnectedExecutors } from './connected-executors.ts';

interface Waiting extends QueuedWork {
  readonly environment: EnvironmentView;
  /** A monotonic time; an executor that has just failed is not tried again at once. */
  readonly notBeforeMs: number;
}

export interface PlaceWorkLimits {
  readonly queueDepthMax: number;
  readonly queuedPerWorkspaceMax: number;
  readonly share: (workspaceId: string) => Share;
}

export interface Placed {
  readonly lease: Lease;
  readonly executor: NonNullable<CallSandbox['executor']>;
}

export interface PlaceWorkObserver {
  /** False where nobody waits for it any more: the lease was given back, and nothing is to be offered. */
  readonly placed: (placed: Placed) => boolean;
  /** The executor could not be told. */
  readonly undelivered: (placed: Placed) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Gives waiting work to executors: fairly between workspaces, by what the environment asks for, as long as somebody has room. What waits is kept in
 * memory as a hint; the queue in the database decides, and skips what another instance is just taking.
 */
export class PlaceWork {
  readonly #queue: WorkQueue;
  readonly #executors: ConnectedExecutors;
  readonly #link: ExecutorLink;
  readonly #limits: PlaceWorkLimits;
  readonly #observer: PlaceWorkObserver;
  readonly #waiting = new Map<string, Waiting>();
  readonly #leases = new Map<string, number>();
  readonly #shares = new Map<string, FairShare>();
  #placing: Promise<void> | undefined;
  #again = false;

  constructor(
    queue: WorkQueue,
    executors: ConnectedExecutors,
    link: ExecutorLink,
    limits: PlaceWorkLimits,
    observer: PlaceWorkObserver,
  ) {
    this.#queue = queue;
    this.#executors = executors;
    this.#link = link;
    this.#limits = limits;
    this.#observer = observer;
  }

  /** Whether one more work item may wait. */
  hasRoom(environmentId: string, workspaceId: string): boolean {
    let [inEnvironment, ofWorkspace] = [0, 0];
    for (const work of this.#waiting.values()) {
      if (work.environmentId === environmentId) inEnvironment += 1;
      if (work.workspaceId === workspaceId) ofWorkspace += 1;
    }
    return inEnvironment < this.#limits.queueDepthMax && ofWorkspace < this.#limits.queuedPerWorkspaceMax;
  }

  add(work: QueuedWork, environment: EnvironmentView, delayMs: number): void {
    this.#waiting.set(work.workId, { ...work, environment, notBeforeMs: performance.now() + delayMs });
    this.hint();
  }

  remove(workId: string): void {
    this.#waiting.delete(workId);
  }

  leaseBegan(workspaceId: string): void {
    this.#leases.set(workspaceId, (this.#leases.get(workspaceId) ?? 0) + 1);
  }

  leaseEnded(workspaceId: string): void {
    const left = (this.#leases.get(workspaceId) ?? 1) - 1;
    if (left > 0) this.#leases.set(workspaceId, left);
    else this.#leases.delete(workspaceId);
    this.hint();
  }

  /** Something has changed: look at once. */
  hint(): void {
    if (this.#placing !== undefined) {
      this.#again = true;
      return;
    }
    this.#placing = this.#placeAll()
      .catch((error: unknown) => this.#observer.failed(error))
      .finally(() => {
        this.#placing = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.hint();
      });
  }

  async #placeAll(): Promise<void> {
    for (const environmentId of new Set([...this.#waiting.values()].map((work) => work.environmentId)))
      while (await this.#placeOne(environmentId));
  }

  /** False where nothing more can be placed in the environment now. */
  async #placeOne(environmentId: string): Promise<boolean> {
    const nowMs = performance.now();
    const due = [...this.#waiting.values()].filter(
      (work) => work.environmentId === environmentId && work.notBeforeMs <= nowMs,
    );
    const [first] = due;
    if (first === undefined) return false;
    const { placement } = first.environment;
    const executor = chooseExecutor(placement, this.#executors.candidates(environmentId));
    if (executor === undefined) return false;
    const { share } = this.#limits;
    const fair = this.#shares.get(environmentId) ?? new FairShare();
    this.#shares.set(environmentId, fair);
    const waiting = [...new Set(due.map(({ workspaceId }) => workspaceId))];
    const workspaceId = fair.next(waiting, share, (id) => this.#leases.get(id) ?? 0);
    if (workspaceId === undefined) return false;
    const lease = await this.#queue.claim(environmentId, workspaceId, executor.executorId);
    if (lease === undefined) {
      // What memory believed to wait is taken, or not due by the database's clock.
      for (const work of due) if (work.workspaceId === workspaceId) this.#putOff(work);
      return true;
    }
    fair.charge(workspaceId, share(workspaceId));
    this.remove(lease.workId);
    const facts = this.#executors.facts(executor.executorId);
    const placed = { lease, executor: { ...facts, workId: lease.workId, leaseToken: lease.token } };
    if (!this.#observer.placed(placed)) return true;
    this.leaseBegan(workspaceId);
    this.#executors.leaseBegan(executor.executorId);
    if (!this.#link.offer(executor.executorId, lease, lease.sessionId, placement)) this.#observer.undelivered(placed);
    return true;
  }

  #putOff(work: Waiting): void {
    // What was removed during the claim stays removed.
    if (!this.#waiting.has(work.workId)) return;
    this.#waiting.set(work.workId, { ...work, notBeforeMs: performance.now() + putOffMs });
  }
}

const putOffMs = 1_000;
