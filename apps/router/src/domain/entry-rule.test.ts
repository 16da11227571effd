import { describe, expect, it } from 'vitest';
import type { PolicyRule } from '@sallyport/policy';
import { entryRule } from './entry-rule.ts';

const rule = (id: string, effect: 'allow' | 'deny', rest: Partial<PolicyRule> = {}): PolicyRule => ({
  id,
  effect,
  tunnel: '*',
  server: '*',
  method: 'tools/call',
  name: '*',
  environment: '',
  ...rest,
});
const place = { tunnelId: 'tnl_1', tunnelDomain: 'x.tunnels.example', server: 'files' };

describe('entries of a list', () => {
  it('are shown as far as they may be used', () => {
    const rules = [
      rule('a', 'allow', { name: 'read*' }),
      rule('b', 'deny', { name: 'read_all' }),
      rule('c', 'allow', { method: 'resources/read', name: 'file:///public/*' }),
    ];
    const shows = entryRule({ ...place, policy: { policyId: 'pol_1', sha256: '', rules } });
    expect(['read', 'read_all', 'write'].map((name) => shows('tools/list', name))).toEqual([true, false, false]);
    expect(['file:///public/a', 'file:///a'].map((name) => shows('resources/list', name))).toEqual([true, false]);
    expect(shows('prompts/list', 'read')).toBe(false);
    expect(shows('no/list', 'read')).toBe(false);
  });
});
