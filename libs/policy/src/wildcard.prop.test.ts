import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesWildcard } from './wildcard.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '\\'), maxLength: 12 });

describe('wildcards', () => {
  it('agree with a regular expression made from the pattern', () => {
    fc.assert(
      fc.property(text, text, (pattern, candidate) => {
        const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
        expect(matchesWildcard(pattern, candidate)).toBe(new RegExp(`^${parts.join('.*')}$`, 's').test(candidate));
      }),
      { numRuns: 2_000 },
    );
  });

  it('stays fast where a backtracking matcher would not', () => {
    expect(matchesWildcard(`${'*a'.repeat(100)}b`, 'a'.repeat(8_000))).toBe(false);
    const startedMs = performance.now();
    for (let rule = 0; rule < 1_000; rule += 1)
      expect(matchesWildcard(`*${'a'.repeat(200)}b${rule}*`, 'a'.repeat(8_000))).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});
