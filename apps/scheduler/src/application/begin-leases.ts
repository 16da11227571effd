import type { WorkQueue } from '../ports/work-queue.ts';
import type { Lanes } from './lanes.ts';
import type { Placed } from './place-work.ts';
import type { SandboxDemand } from './sandbox-demand.ts';

/** A claim has been made: the session hears of it, and the sandbox has to run within a bounded time. */
export class BeginLeases {
  readonly #lanes: Lanes;
  readonly #demand: SandboxDemand;
  readonly #queue: WorkQueue;
  readonly #startMsMax: number;
  readonly #failed: (error: unknown) => void;

  constructor(
    parts: { readonly lanes: Lanes; readonly demand: SandboxDemand; readonly queue: WorkQueue },
    startMsMax: number,
    failed: (error: unknown) => void,
  ) {
    this.#lanes = parts.lanes;
    this.#demand = parts.demand;
    this.#queue = parts.queue;
    this.#startMsMax = startMsMax;
    this.#failed = failed;
  }

  /** False where nobody waits any more. */
  begin({ lease, executor }: Placed): boolean {
    const lane = this.#lanes.find(lease.sessionId);
    this.#demand.placed(lease.sessionId);
    if (lane === undefined) {
      this.#queue.endLease(lease, 'session_idle', undefined).catch(this.#failed);
      return false;
    }
    lane.leaseClaimed(lease, executor);
    setTimeout(() => {
      if (lane.lease === lease && !lane.isReady) this.#demand.end(lane, lease, 'start_failed');
    }, this.#startMsMax).unref();
    return true;
  }

  /** The executor could not be told of it. */
  undelivered({ lease }: Placed): void {
    const lane = this.#lanes.find(lease.sessionId);
    if (lane !== undefined) this.#demand.end(lane, lease, 'declined');
  }
}
