import { it } from 'vitest';
import { type RequirementId, requirements } from '../requirements.ts';

/** A scenario for one or more promises. `coverage.test.ts` reads the calls of this function. */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  scenario: () => Promise<void>,
  timeoutMs?: number,
): void {
  const list = typeof ids === 'string' ? [ids] : ids;
  const scenarioIt = process.env['E2E_KAFKA_MISSING'] === 'true' ? it.skip : it;
  scenarioIt(list.map((id) => `[${id}] ${requirements[id]}`).join(' '), scenario, timeoutMs);
}
