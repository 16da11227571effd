import type { Candidate } from '../domain/placement.ts';
import type { ExecutorDescription, ExecutorIdentity } from '../ports/executor-trail.ts';

interface Connected {
  readonly identity: ExecutorIdentity;
  readonly description: ExecutorDescription;
  readonly runtimes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly connectedAtMs: number;
  credits: number;
  leases: number;
  isDraining: boolean;
}

/** The executors that are connected to this process now, and what they take. */
export class ConnectedExecutors {
  readonly #connected = new Map<string, Connected>();

  add(executor: Omit<Connected, 'credits' | 'isDraining'>): void {
    this.#connected.set(executor.identity.executorId, { ...executor, credits: 0, isDraining: false });
  }

  remove(executorId: string): void {
    this.#connected.delete(executorId);
  }

  setCredits(executorId: string, credits: number): void {
    const executor = this.#connected.get(executorId);
    if (executor !== undefined) executor.credits = credits;
  }

  drain(executorId: string): void {
    const executor = this.#connected.get(executorId);
    if (executor !== undefined) executor.isDraining = true;
  }

  /** An offer was made: one credit less, until the executor says otherwise. */
  leaseBegan(executorId: string): void {
    const executor = this.#connected.get(executorId);
    if (executor === undefined) return;
    executor.credits -= 1;
    executor.leases += 1;
  }

  leaseEnded(executorId: string): void {
    const executor = this.#connected.get(executorId);
    if (executor !== undefined && executor.leases > 0) executor.leases -= 1;
  }

  candidates(environmentId: string): readonly Candidate[] {
    return this.inEnvironment(environmentId).map(({ identity, description, runtimes, labels, ...rest }) => ({
      executorId: identity.executorId,
      tier: description.tier,
      unproved: description.unproved,
      region: description.region,
      runtimes,
      labels,
      credits: rest.credits,
      slots: description.slots,
      leases: rest.leases,
      isDraining: rest.isDraining,
    }));
  }

  inEnvironment(environmentId: string): readonly Connected[] {
    return [...this.#connected.values()].filter(({ identity }) => identity.environmentId === environmentId);
  }

  /** What events say of an executor. */
  facts(executorId: string) {
    const description = this.#connected.get(executorId)?.description;
    return {
      executorId,
      tier: description?.tier ?? 'none',
      insecureNoIsolation: description?.insecureNoIsolation ?? false,
    };
  }
}
