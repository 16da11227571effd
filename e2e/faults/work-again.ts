import { setTimeout as sleep } from 'node:timers/promises';
import type { SteadyLoad } from './steady-load.ts';

const recoverMsMax = 120_000;

/** A load, and how many of its calls have to succeed: more than it has lanes, so that one of them began after the fault. */
export type Wanted = readonly [SteadyLoad, number];

/** The time from `sinceMs` until so many calls of each have succeeded from now on, in whole ms. Rejects after 120 s. */
export async function workAgain(wanted: readonly Wanted[], sinceMs = performance.now()): Promise<number> {
  const left = wanted.map(([load, calls]) => [load, load.succeeded + calls] as const);
  while (performance.now() - sinceMs < recoverMsMax) {
    await sleep(20);
    if (left.every(([load, calls]) => load.succeeded >= calls)) return Math.round(performance.now() - sinceMs);
  }
  throw new Error(`calls do not work again within ${recoverMsMax / 1_000} s`);
}
