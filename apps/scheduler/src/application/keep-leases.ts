import type { HeldLease, Lease, WorkQueue } from '../ports/work-queue.ts';
import type { LeaseEnd } from '../domain/work-item.ts';
import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { SandboxDemand } from './sandbox-demand.ts';

const everyMs = 1_000;

/** Renews the leases that executors report, and ends those whose time has run out. The clock is the database's. */
export class KeepLeases {
  readonly #queue: WorkQueue;
  readonly #lanes: Lanes;
  readonly #demand: SandboxDemand;
  readonly #leaseMs: number;
  readonly #failed: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #quietUntilMs = 0;

  constructor(
    parts: { readonly queue: WorkQueue; readonly lanes: Lanes; readonly demand: SandboxDemand },
    leaseMs: number,
    failed: (error: unknown) => void,
  ) {
    this.#queue = parts.queue;
    this.#lanes = parts.lanes;
    this.#demand = parts.demand;
    this.#leaseMs = leaseMs;
    this.#failed = failed;
  }

  /** Nothing is swept for one lease after a start or a failed sweep: while the database was away nobody could renew. */
  start(): void {
    this.#quietUntilMs = performance.now() + this.#leaseMs;
    this.#timer = setInterval(() => {
      if (performance.now() < this.#quietUntilMs) return;
      this.#sweeping ??= this.sweep()
        .catch((error: unknown) => {
          this.#quietUntilMs = performance.now() + this.#leaseMs;
          this.#failed(error);
        })
        .finally(() => {
          this.#sweeping = undefined;
        });
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** The lane's claim is over, by what its executor says or does not say. */
  end(lane: Lane, reason: LeaseEnd): void {
    if (lane.lease !== undefined) this.#demand.end(lane, lane.lease, reason);
  }

  /** The leases that are not the executor's any more. Those that this process does not know are given back: their session would have nobody. */
  async renew(executorId: string, held: readonly HeldLease[]): Promise<readonly HeldLease[]> {
    const known = held.filter((lease) => this.#lanes.withLease(lease)?.lease?.executorId === executorId);
    const unknown = held.filter((lease) => !known.includes(lease));
    const lost = await this.#queue.renew(executorId, known);
    for (const lease of lost) {
      const lane = this.#lanes.withLease(lease);
      if (lane !== undefined) this.end(lane, 'lease_expired');
    }
    return [...lost, ...unknown];
  }

  async sweep(): Promise<void> {
    for (const lease of await this.#queue.lapsed()) await this.#end(lease);
  }

  async #end(lease: Lease): Promise<void> {
    const lane = this.#lanes.withLease(lease);
    if (lane !== undefined) this.end(lane, 'lease_expired');
    else {
      await this.#queue.endLease(lease, 'lease_expired', undefined);
      this.#demand.gone(lease);
    }
  }
}
