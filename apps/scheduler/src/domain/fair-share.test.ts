import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairShare, type Share } from './fair-share.ts';

const turns = (
  shares: Readonly<Record<string, Share>>,
  count: number,
  waitingAt: (turn: number) => readonly string[],
) => {
  const fair = new FairShare();
  const got: Record<string, number> = {};
  for (let turn = 0; turn < count; turn += 1) {
    const shareOf = (id: string) => shares[id] ?? { weight: 1, leasesMax: 0 };
    const next = fair.next(waitingAt(turn), shareOf, () => 0);
    if (next === undefined) break;
    fair.charge(next, shareOf(next));
    got[next] = (got[next] ?? 0) + 1;
  }
  return got;
};
const share = (weight: number): Share => ({ weight, leasesMax: 1_000 });

describe('fair shares', () => {
  it('follow the weights, whoever has more waiting', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (a, b) => {
        const got = turns({ a: share(a), b: share(b) }, 100 * (a + b), () => ['a', 'b']);
        expect(Math.abs((got['a'] ?? 0) - 100 * a)).toBeLessThanOrEqual(1);
        expect(Math.abs((got['b'] ?? 0) - 100 * b)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('do not let one that was idle make up for it', () => {
    const got = turns({ a: share(1), b: share(1) }, 200, (turn) => (turn < 100 ? ['a'] : ['a', 'b']));
    expect(got).toEqual({ a: 150, b: 50 });
  });

  it('pass over a workspace at its cap', () => {
    const fair = new FairShare();
    const capped = () => ({ weight: 1, leasesMax: 2 });
    expect(fair.next(['a', 'b'], capped, (id) => (id === 'a' ? 2 : 0))).toBe('b');
    expect(fair.next(['a'], capped, () => 2)).toBeUndefined();
  });
});
