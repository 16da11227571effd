import { describe, expect, it } from 'vitest';

import { isolationOf } from './isolation.ts';

const proved = (check: string) => ({ check, proved: true, detail: '' });
const missing = (check: string) => ({ check, proved: false, detail: `why ${check}` });

describe('the isolation of a driver', () => {
  it('is what it proves', () => {
    const selfTest = { tier: 'namespace', checks: [proved('a'), proved('b'), missing('extra')] };
    expect(isolationOf(selfTest, ['a', 'b'], false)).toEqual({
      ok: true,
      value: { tier: 'namespace', insecure: false },
    });
    expect(isolationOf(selfTest, ['a', 'b'], true)).toMatchObject({ value: { insecure: false } });
  });

  it('is none where a check is missing, whatever the driver calls itself', () => {
    const selfTest = { tier: 'namespace', checks: [proved('a'), missing('b')] };
    const refused = isolationOf(selfTest, ['a', 'b', 'c'], false);
    expect(refused.ok ? '' : refused.reason).toMatch(/^isolation_unproved: .*b \(why b\), c$/);
    expect(isolationOf(selfTest, ['a', 'b', 'c'], true)).toEqual({ ok: true, value: { tier: 'none', insecure: true } });
    const claimsNone = isolationOf({ tier: 'none', checks: [proved('a')] }, ['a'], false);
    expect(claimsNone.ok ? '' : claimsNone.reason).toContain('tier none');
  });

  it('names some of many', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const refused = isolationOf({ tier: 'none', checks: [] }, names, false);
    expect(refused.ok ? '' : refused.reason).toMatch(/a, b, c, d, e and 2 more$/);
  });
});
