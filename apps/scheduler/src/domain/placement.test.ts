import { describe, expect, it } from 'vitest';
import { isFit } from './placement.ts';

const rules = {
  tier: 'namespace',
  region: 'eu',
  runtime: 'host',
  labels: { zone: 'a' },
  memoryMib: 0,
  pids: 0,
  cpuMillis: 0,
  workspaceMib: 0,
} as const;
const executor = {
  executorId: 'x',
  tier: 'namespace',
  unproved: [],
  region: 'eu',
  runtimes: ['host'],
  labels: { zone: 'a', disk: 'ssd' },
  credits: 1,
  slots: 1,
  leases: 0,
  isDraining: false,
} as const;

describe('what an environment asks of an executor', () => {
  it('is tier, region, runtime and every label', () => {
    expect(isFit(rules, executor)).toBe(true);
    expect(isFit(rules, { ...executor, tier: 'none' })).toBe(false);
    expect(isFit(rules, { ...executor, region: 'us' })).toBe(false);
    expect(isFit(rules, { ...executor, runtimes: ['debian'] })).toBe(false);
    expect(isFit(rules, { ...executor, labels: { zone: 'b' } })).toBe(false);
    expect(isFit({ ...rules, region: '', labels: {}, tier: 'none' }, executor)).toBe(true);
  });

  it.each([
    [{ memoryMib: 512 }, 'memory_bounded'],
    [{ pids: 64 }, 'pids_bounded'],
    [{ cpuMillis: 500 }, 'cpu_bounded'],
    [{ workspaceMib: 64 }, 'workspace_bounded'],
  ])('is %o only where %s was proved', (limit, check) => {
    expect(isFit({ ...rules, ...limit }, { ...executor, unproved: [check] })).toBe(false);
    expect(isFit({ ...rules, ...limit }, { ...executor, unproved: ['separate_user'] })).toBe(true);
    expect(isFit(rules, { ...executor, unproved: [check] })).toBe(true);
  });
});
