import { describe, expect, it } from 'vitest';

import { finalRefusal } from './final-refusals.ts';

describe('the scheduler’s refusals', () => {
  it.each([
    'environment_key_unknown',
    'environment_key_revoked',
    'environment_archived',
    'protocol_unsupported',
    'capabilities_contradict',
    'isolation_insufficient',
    'caller_not_admitted',
  ])('for good: %s, with what to do', (reason) => {
    expect(finalRefusal(reason)).toMatch(new RegExp(`^refused for good \\(${reason}\\): .{20,}`));
  });

  it.each(['replaced', 'too_fast', 'too_slow', 'protocol_violation', 'database_unavailable', undefined])(
    'for now: %s',
    (reason) => {
      expect(finalRefusal(reason)).toBeUndefined();
    },
  );
});
