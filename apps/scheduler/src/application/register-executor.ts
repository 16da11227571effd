import { createHash } from 'node:crypto';
import { fail, ok, type Result } from '@sallyport/result';
import { provenTier } from '../domain/executor-tier.ts';
import { SparseRecord } from '../domain/sparse-record.ts';
import type { EnvironmentKeys } from '../ports/environment-keys.ts';
import type { Environments } from '../ports/environments.ts';
import type { ExecutorDescription, ExecutorIdentity, ExecutorTrail } from '../ports/executor-trail.ts';
import type { HeldLease } from '../ports/work-queue.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { KeepLeases } from './keep-leases.ts';
import type { Lanes } from './lanes.ts';

export const protocolVersion = 1;
const strangerEveryMs = 1_000;

export interface Registration {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly executorId: string;
  readonly environmentKey: string;
  readonly version: string;
  readonly region: string;
  readonly runtimes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly driver: string;
  readonly checks: readonly { readonly check: string; readonly proved: boolean }[];
  readonly insecureNoIsolation: boolean;
  readonly slots: number;
  readonly held: readonly HeldLease[];
}

export interface Registered {
  readonly identity: ExecutorIdentity;
  readonly description: ExecutorDescription;
  readonly runtimes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly connectedAtMs: number;
  readonly kept: readonly HeldLease[];
  readonly keySha256: Buffer;
}

export type RegistrationRefusal =
  | 'protocol_unsupported'
  | 'environment_key_unknown'
  | 'environment_archived'
  | 'capabilities_contradict'
  | 'isolation_insufficient'
  | 'control_unavailable';

/** Lets an executor in: by its key, and by what its self-test proved. */
export class RegisterExecutor {
  readonly #keys: EnvironmentKeys;
  readonly #environments: Environments;
  readonly #executors: ConnectedExecutors;
  readonly #trail: ExecutorTrail;
  readonly #lanes: Lanes;
  readonly #leases: KeepLeases;
  readonly #strangers = new SparseRecord(strangerEveryMs);
  readonly #checks: { readonly known: readonly string[]; readonly namespaceNeeds: readonly string[] };

  constructor(
    parts: {
      readonly keys: EnvironmentKeys;
      readonly environments: Environments;
      readonly executors: ConnectedExecutors;
      readonly trail: ExecutorTrail;
      readonly lanes: Lanes;
      readonly leases: KeepLeases;
    },
    checks: { readonly known: readonly string[]; readonly namespaceNeeds: readonly string[] },
  ) {
    this.#keys = parts.keys;
    this.#environments = parts.environments;
    this.#executors = parts.executors;
    this.#trail = parts.trail;
    this.#lanes = parts.lanes;
    this.#leases = parts.leases;
    this.#checks = checks;
  }

  async run(registration: Registration, connectedAtMs: number): Promise<Result<Registered, RegistrationRefusal>> {
    const { protocolMin, protocolMax, executorId, version, region, slots, insecureNoIsolation } = registration;
    if (protocolMin > protocolVersion || protocolMax < protocolVersion) return fail('protocol_unsupported');
    const keySha256 = createHash('sha256').update(registration.environmentKey).digest();
    const key = await this.#keys.check(keySha256);
    if (!key.ok) return key.reason === 'unknown' ? this.#turnAway(executorId, connectedAtMs) : fail(key.reason);
    const { environmentId, workspaceId, keyId } = key.value;
    const identity = { executorId, environmentId, workspaceId, environmentKeyId: keyId };
    const environment = await this.#environments.find(environmentId);
    const proven = provenTier(registration, this.#checks.known, this.#checks.namespaceNeeds);
    const refusal = refusalOf(environment, proven?.tier, registration.held.length);
    if (refusal !== undefined || proven === undefined) {
      await this.#trail.refused(identity, refusal ?? 'capabilities_contradict');
      return fail(refusal ?? 'capabilities_contradict');
    }
    const description = { version, tier: proven.tier, insecureNoIsolation, region, slots, unproved: proven.unproved };
    await this.#trail.connected(identity, description);
    const lost = await this.#leases.renew(executorId, registration.held);
    const isLost = (lease: HeldLease) =>
      lost.some(({ workId, token }) => workId === lease.workId && token === lease.token);
    const kept = registration.held.filter((lease) => !isLost(lease));
    const { runtimes, labels } = registration;
    return ok({ identity, description, runtimes, labels, connectedAtMs, kept, keySha256 });
  }

  /** It gets work from now on. To be done together with what makes it reachable. */
  admit({ identity, description, runtimes, labels, connectedAtMs }: Registered): void {
    const leases = this.#lanes.withLeaseOf(identity.executorId).length;
    this.#executors.add({ identity, description, runtimes, labels, connectedAtMs, leases });
  }

  /** Its connection ended before it was admitted. */
  async missed({ identity }: Registered): Promise<void> {
    await this.#trail.disconnected(identity, 'connection_lost');
  }

  async #turnAway(executorId: string, nowMs: number): Promise<Result<never, RegistrationRefusal>> {
    if (this.#strangers.isDue('', nowMs)) {
      const nobody = { workspaceId: 'unknown', environmentId: 'unknown', environmentKeyId: 'unknown' };
      await this.#trail.refused({ executorId, ...nobody }, 'environment_key_unknown');
    }
    return fail('environment_key_unknown');
  }

  /** The key that let the executor in is no good any more. */
  shutOut(executorId: string): void {
    for (const lane of this.#lanes.withLeaseOf(executorId)) this.#leases.end(lane, 'environment_key_revoked');
  }

  /** Once the executor knows which leases go on. Both ways: what it does not hold any more is over here, too. */
  resume(executorId: string, kept: readonly HeldLease[]): void {
    const facts = this.#executors.facts(executorId);
    for (const lane of this.#lanes.withLeaseOf(executorId)) {
      const { lease } = lane;
      if (lease === undefined) continue;
      const isKept = kept.some(({ workId, token }) => workId === lease.workId && token === lease.token);
      if (isKept) lane.reconnected({ ...facts, workId: lease.workId, leaseToken: lease.token });
      else this.#leases.end(lane, 'sandbox_died');
    }
  }
}

function refusalOf(
  environment: Awaited<ReturnType<Environments['find']>>,
  tier: 'none' | 'namespace' | undefined,
  leasesHeld: number,
): RegistrationRefusal | undefined {
  // Sessions of an archived environment go on, so their executors come back.
  if (environment === undefined || (environment.archivedAtMs > 0 && leasesHeld === 0)) return 'environment_archived';
  if (tier === undefined) return 'capabilities_contradict';
  return tier === 'none' && environment.placement.tier !== 'none' ? 'isolation_insufficient' : undefined;
}
