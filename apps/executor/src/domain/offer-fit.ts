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
  /** Checks of the self-test that were not proved. */
  readonly unproved: readonly string[];
}

/** What proves that a limit holds. */
const provedBy = {
  memoryMib: 'memory_bounded',
  pids: 'pids_bounded',
  cpuMillis: 'cpu_bounded',
  workspaceMib: 'workspace_bounded',
} as const satisfies Record<keyof SandboxLimits, string>;

export type Misfit = 'tier_unavailable' | 'runtime_unavailable' | 'limit_exceeded' | 'limit_unproved';

/** The sandbox for an offer, or why the offer is declined: never served with less than it requires. */
export function fitOffer(required: SandboxRequirements, offering: Offering): Result<SandboxPlan, Misfit> {
  if (required.tier !== '' && required.tier !== offering.tier) return fail('tier_unavailable');
  if (required.runtime !== '' && !offering.runtimes.includes(required.runtime)) return fail('runtime_unavailable');
  const { limits, unproved } = offering;
  const names = ['memoryMib', 'pids', 'cpuMillis', 'workspaceMib'] as const;
  if (names.some((name) => required[name] > limits[name])) return fail('limit_exceeded');
  if (names.some((name) => required[name] > 0 && unproved.includes(provedBy[name]))) return fail('limit_unproved');
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
