const floorMs = 500;
const capMs = 15_000;

/**
 * How long to wait before dialling again: from half a second to a bound that doubles with each failure, so that executors that lost their scheduler
 * together do not come back together. `failures` counts from 1; `random` is from [0, 1).
 */
export function reconnectDelayMs(failures: number, random: number): number {
  const boundMs = Math.min(capMs, floorMs * 2 ** Math.min(failures, 10));
  return Math.round(floorMs + (boundMs - floorMs) * random);
}
