export interface ClaimedCapabilities {
  readonly driver: string;
  readonly checks: readonly { readonly check: string; readonly proved: boolean }[];
  readonly insecureNoIsolation: boolean;
}

export interface ProvenTier {
  readonly tier: 'none' | 'namespace';
  readonly unproved: readonly string[];
}

/**
 * The tier that an executor has proved: derived here from its self-test, never taken from its word. Undefined where what it says contradicts itself:
 * isolation that was proved and switched off, or a check that is reported twice.
 */
export function provenTier(
  { driver, checks, insecureNoIsolation }: ClaimedCapabilities,
  known: readonly string[],
  namespaceNeeds: readonly string[],
): ProvenTier | undefined {
  const proved = new Set(checks.filter((each) => each.proved).map(({ check }) => check));
  if (new Set(checks.map(({ check }) => check)).size !== checks.length) return undefined;
  const unproved = known.filter((check) => !proved.has(check));
  const isIsolated = driver === 'namespace' && namespaceNeeds.every((check) => proved.has(check));
  if (insecureNoIsolation) return isIsolated ? undefined : { tier: 'none', unproved };
  return isIsolated ? { tier: 'namespace', unproved } : undefined;
}
