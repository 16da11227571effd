import { describe, expect, it } from 'vitest';
import { countsOf, sumOf } from './steps.ts';

const report = (passed: number, failed: number, pending: number) =>
  JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: pending, numTodoTests: 1 });

describe('what is counted', () => {
  it('takes the figures of a test report', () => {
    expect(countsOf(0, report(5, 0, 2))).toEqual({ passed: 5, failed: 0, skipped: 3 });
    expect(countsOf(1, report(5, 2, 0))).toEqual({ passed: 5, failed: 2, skipped: 1 });
  });

  it('never counts a broken run as passed', () => {
    expect(countsOf(1, report(5, 0, 0)).failed).toBe(1);
    expect(countsOf(127, undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countsOf(0, undefined)).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });

  it('adds up', () => {
    expect(
      sumOf([
        { passed: 1, failed: 2, skipped: 3 },
        { passed: 10, failed: 20, skipped: 30 },
      ]),
    ).toEqual({ passed: 11, failed: 22, skipped: 33 });
  });
});
