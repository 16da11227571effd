import type { PlacementRules } from './environment.ts';

/** An executor as placement sees it. May lag: an executor declines what it cannot hold, so a stale view costs a retry, never an oversubscription. */
export interface Candidate {
  readonly executorId: string;
  readonly tier: 'none' | 'namespace';
  /** Checks of its self-test that were not proved. */
  readonly unproved: readonly string[];
  readonly region: string;
  readonly runtimes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Offers that it still takes. */
  readonly credits: number;
  readonly slots: number;
  readonly leases: number;
  readonly isDraining: boolean;
}

/** What proves that a limit of the environment holds on an executor. */
const provedBy = {
  memoryMib: 'memory_bounded',
  pids: 'pids_bounded',
  cpuMillis: 'cpu_bounded',
  workspaceMib: 'workspace_bounded',
} as const satisfies Partial<Record<keyof PlacementRules, string>>;
const limits = ['memoryMib', 'pids', 'cpuMillis', 'workspaceMib'] as const;

/** Whether an executor may ever run the environment's sessions, however busy it is. */
export function isFit(rules: PlacementRules, candidate: Candidate): boolean {
  return (
    (rules.tier === 'none' || candidate.tier === rules.tier) &&
    (rules.region === '' || candidate.region === rules.region) &&
    candidate.runtimes.includes(rules.runtime) &&
    limits.every((limit) => rules[limit] === 0 || !candidate.unproved.includes(provedBy[limit])) &&
    Object.entries(rules.labels).every(([name, value]) => candidate.labels[name] === value)
  );
}

/** The fit executor with the smallest share of its slots taken; undefined where none has room. */
export function chooseExecutor(rules: PlacementRules, candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.isDraining || candidate.credits < 1 || !isFit(rules, candidate)) continue;
    if (best === undefined || load(candidate) < load(best)) best = candidate;
  }
  return best;
}

function load({ leases, slots }: Candidate): number {
  return leases / Math.max(1, slots);
}
