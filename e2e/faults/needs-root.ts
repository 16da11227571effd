/** Whether a scenario that needs root can run. Without it the scenario is to be skipped, which is said here; where CI is set nothing is skipped: it throws. */
export function hasRoot(scenario: string, reason: string): boolean {
  if (process.getuid?.() === 0) return true;
  if ((process.env['CI'] ?? '') !== '') throw new Error(`${scenario}: ${reason}, and in CI nothing is skipped`);
  console.warn(`SKIPPED, ${scenario}: ${reason}`);
  return false;
}
