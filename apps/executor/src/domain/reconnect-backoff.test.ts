import { describe, expect, it } from 'vitest';

import { reconnectDelayMs } from './reconnect-backoff.ts';

describe('reconnect back-off', () => {
  it('doubles from half a second to 15 s', () => {
    expect([1, 2, 3, 4, 5, 100].map((failures) => reconnectDelayMs(failures, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
    ]);
    for (const failures of [0, 1, 5, 1_000_000]) expect(reconnectDelayMs(failures, 0)).toBe(500);
  });
});
