import { expect, it } from 'vitest';
import { MessageBudget } from './message-budget.ts';

it('takes a burst, then as many as time allows, and never saves up more than the burst', () => {
  const budget = new MessageBudget(3, 10, 0);
  expect([1, 2, 3, 4].map(() => budget.take(0))).toEqual([true, true, true, false]);
  const paced = new MessageBudget(1, 10, 0);
  expect([0, 100, 200, 250].map((nowMs) => paced.take(nowMs))).toEqual([true, true, true, false]);
  const rested = new MessageBudget(2, 10, 0);
  expect([60_000, 60_000, 60_000].map((nowMs) => rested.take(nowMs))).toEqual([true, true, false]);
});
