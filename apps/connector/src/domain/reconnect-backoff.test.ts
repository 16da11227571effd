import { describe, expect, it } from 'vitest';

import { reconnectDelayMs } from './reconnect-backoff.ts';

describe('reconnect back-off', () => {
  it('doubles up to its caps and is never zero', () => {
    expect(reconnectDelayMs(1, 5, 0)).toBe(125);
    expect(reconnectDelayMs(1, 5, 1)).toBe(500);
    expect(reconnectDelayMs(3, 5, 1)).toBe(2000);
    expect(reconnectDelayMs(100, 1, 1)).toBe(1000);
    expect(reconnectDelayMs(1_000_000, 10, 1)).toBe(30_000);
    expect(reconnectDelayMs(0, 0, 0)).toBeGreaterThan(0);
  });
});
