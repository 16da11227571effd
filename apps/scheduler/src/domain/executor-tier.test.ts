import { describe, expect, it } from 'vitest';
import { provenTier } from './executor-tier.ts';

const known = ['host_files_hidden', 'network_unreachable', 'cpu_bounded'];
const needs = ['host_files_hidden', 'network_unreachable'];
const checks = (...proved: string[]) => known.map((check) => ({ check, proved: proved.includes(check) }));
const tierOf = (proved: readonly string[], insecureNoIsolation = false, driver = 'namespace') =>
  provenTier({ driver, checks: checks(...proved), insecureNoIsolation }, known, needs);

describe('the tier of an executor', () => {
  it('is what its self-test proved', () => {
    expect(tierOf(needs)).toEqual({ tier: 'namespace', unproved: ['cpu_bounded'] });
    expect(tierOf(known)).toEqual({ tier: 'namespace', unproved: [] });
  });

  it('is none where isolation is switched off, and only there', () => {
    expect(tierOf([], true, 'bare')).toEqual({ tier: 'none', unproved: known });
    expect(tierOf(['host_files_hidden'])).toBeUndefined();
    expect(tierOf([], false, 'bare')).toBeUndefined();
  });

  it('is not believed where the claims contradict each other', () => {
    expect(tierOf(known, true)).toBeUndefined();
    expect(tierOf(known, false, 'bare')).toBeUndefined();
    const twice = [...checks(...known), { check: 'cpu_bounded', proved: true }];
    expect(
      provenTier({ driver: 'namespace', checks: twice, insecureNoIsolation: false }, known, needs),
    ).toBeUndefined();
  });
});
