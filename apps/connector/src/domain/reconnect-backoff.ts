const baseMs = 500;
const capMs = 30_000;

/**
 * How long to wait before dialling again: a random part of a bound that doubles with each failure, so that connectors that lost their edge together do
 * not come back together. `failures` counts from 1; `retries` caps the doubling; `random` is from [0, 1).
 */
export function reconnectDelayMs(failures: number, retries: number, random: number): number {
  const doublings = Math.min(Math.max(0, failures - 1), retries);
  const boundMs = Math.min(capMs, baseMs * 2 ** doublings);
  // Never zero: a refused port must not become a busy loop.
  return Math.round(boundMs * (0.25 + 0.75 * random));
}
