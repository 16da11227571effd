import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlacementRules } from './environment.ts';
import { type Candidate, chooseExecutor, isFit } from './placement.ts';

const tier = fc.constantFrom('none' as const, 'namespace' as const);
const labels = fc.dictionary(fc.constantFrom('gpu', 'zone'), fc.constantFrom('a', 'b'), { maxKeys: 2 });
const rules: fc.Arbitrary<PlacementRules> = fc.record({
  tier,
  region: fc.constantFrom('', 'eu', 'us'),
  runtime: fc.constantFrom('host', 'debian'),
  labels,
  memoryMib: fc.constant(0),
  pids: fc.constant(0),
  cpuMillis: fc.constant(0),
  workspaceMib: fc.constant(0),
});
const candidate: fc.Arbitrary<Candidate> = fc.record({
  executorId: fc.uuid(),
  tier,
  unproved: fc.constant([]),
  region: fc.constantFrom('', 'eu', 'us'),
  runtimes: fc.subarray(['host', 'debian']),
  labels,
  credits: fc.nat(3),
  slots: fc.integer({ min: 1, max: 8 }),
  leases: fc.nat(8),
  isDraining: fc.boolean(),
});

describe('placement', () => {
  it('chooses only what fits and has room, the least loaded of it, and never gives up early', () => {
    fc.assert(
      fc.property(rules, fc.array(candidate, { maxLength: 8 }), (wanted, all) => {
        const chosen = chooseExecutor(wanted, all);
        const able = all.filter((each) => !each.isDraining && each.credits > 0 && isFit(wanted, each));
        expect(chosen === undefined).toBe(able.length === 0);
        if (chosen === undefined) return;
        expect(able).toContain(chosen);
        const least = Math.min(...able.map(({ leases, slots }) => leases / slots));
        expect(chosen.leases / chosen.slots).toBe(least);
      }),
    );
  });

  it('never places what needs isolation where none was proved', () => {
    fc.assert(
      fc.property(rules, candidate, (wanted, each) => {
        if (wanted.tier === 'namespace' && each.tier === 'none') expect(isFit(wanted, each)).toBe(false);
      }),
    );
  });
});
