import { fail, ok, type Result } from '@sallyport/result';

import type { SandboxLimits, SandboxPlan, SandboxRequirements } from './protocol-messages.ts';

/** What this executor's sandboxes are. */
export interface Offering {
  /** What the self-test proved. */
  readonly tier: string;
  /** The first is what an offer gets that asks for none. */
  readonly runtimes: readonly [string, ...string[]];
  /** For each sandbox. An offer may ask for less, never for more. */
  readonly limits: SandboxLimits;
}

export type Misfit = 'tier_unavailable' | 'runtime_unavailable' | 'limit_exceeded';

/** The sandbox for an offer, or why the offer is declined: never served with less than it requires. */
export function fitOffer(required: SandboxRequirements, offering: Offering): Result<SandboxPlan, Misfit> {
  if (required.tier !== '' && required.tier !== offering.tier) return fail('tier_unavailable');
  if (required.runtime !== '' && !offering.runtimes.includes(required.runtime)) return fail('runtime_unavailable');
  const { limits } = offering;
  const names = ['memoryMib', 'pids', 'cpuMillis', 'workspaceMib'] as const;
  if (names.some((name) => required[name] > limits[name])) return fail('limit_exceeded');
  return ok({
    runtime: required.runtime || offering.runtimes[0],
    limits: {
      memoryMib: required.memoryMib || limits.memoryMib,
      pids: required.pids || limits.pids,
      cpuMillis: required.cpuMillis || limits.cpuMillis,
      workspaceMib: required.workspaceMib || limits.workspaceMib,
    },
  });
}
