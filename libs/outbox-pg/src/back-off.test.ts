import { expect, it } from 'vitest';
import { BackOff } from './back-off.ts';

it('doubles up to its bound, with jitter, and starts anew after a reset', () => {
  const most = new BackOff(50, 1_000, () => 1);
  expect(Array.from({ length: 7 }, () => most.nextMs())).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
  most.reset();
  expect(most.nextMs()).toBe(50);
  expect(new BackOff(50, 1_000, () => 0).nextMs()).toBe(25);
  const long = new BackOff(1, 5_000, () => 1);
  for (let i = 0; i < 5_000; i += 1) long.nextMs();
  expect(long.nextMs()).toBe(5_000);
});
