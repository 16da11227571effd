import { it } from 'vitest';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type RequirementId, requirements } from '../requirements.ts';

/** A scenario for one or more promises. `coverage.test.ts` reads the calls of this function. */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  scenario: () => Promise<void>,
  timeoutMs?: number,
  needs?: 'sandbox',
): void {
  const list = typeof ids === 'string' ? [ids] : ids;
  const isMissing = process.env['E2E_KAFKA_MISSING'] === 'true' || (needs === 'sandbox' && !hasSandboxes());
  const scenarioIt = isMissing ? it.skip : it;
  scenarioIt(list.map((id) => `[${id}] ${requirements[id]}`).join(' '), scenario, timeoutMs);
}

/** Where CI is set nothing is skipped: a machine without bubblewrap then fails the scenarios that need it. */
function hasSandboxes(): boolean {
  return (process.env['CI'] ?? '') !== '' || ['bwrap', 'cc'].every(isInPath);
}

function isInPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
