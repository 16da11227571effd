import { fail, ok, type Result } from '@sallyport/result';

export interface ProvedCheck {
  readonly check: string;
  readonly proved: boolean;
  readonly detail: string;
}

export interface SelfTest {
  readonly tier: string;
  readonly checks: readonly ProvedCheck[];
}

const detailsShownMax = 5;

/** Whether a driver's self-test proves what its sandboxes are offered as; else one line with what is missing. */
export function isolationOf(
  selfTest: SelfTest,
  requiredChecks: readonly string[],
  allowNone: boolean,
): Result<{ readonly tier: string; readonly insecure: boolean }, string> {
  const byName = new Map(selfTest.checks.map((each) => [each.check, each]));
  const missing = requiredChecks.filter((check) => byName.get(check)?.proved !== true);
  if (missing.length === 0 && selfTest.tier !== 'none') return ok({ tier: selfTest.tier, insecure: false });
  if (allowNone) return ok({ tier: 'none', insecure: true });
  const shown = missing.slice(0, detailsShownMax).map((check) => {
    const detail = byName.get(check)?.detail ?? '';
    return detail === '' ? check : `${check} (${detail})`;
  });
  const more = missing.length > detailsShownMax ? ` and ${missing.length - detailsShownMax} more` : '';
  return fail(`isolation_unproved: the self-test of the sandbox failed: ${shown.join(', ') || 'tier none'}${more}`);
}
