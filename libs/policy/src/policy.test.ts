import { describe, expect, it } from 'vitest';
import { decide, type PolicyRule } from './policy.ts';

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
const question = {
  tunnelId: 'tnl_1',
  tunnelDomain: 'x.tunnels.example',
  server: 'files',
  method: 'tools/call',
  name: 'write',
};
const ask = (rules: readonly PolicyRule[], changes: Partial<typeof question> = {}) =>
  decide({ policyId: 'pol_1', sha256: '', rules }, { ...question, ...changes });

describe('policy', () => {
  it('denies what nothing allows', () => {
    expect(ask([])).toEqual({ effect: 'deny', ruleId: '', reason: 'no_rule_allows' });
    expect(ask([rule('a', 'allow', { name: 'read' })])).toMatchObject({ reason: 'no_rule_allows' });
    expect(ask([rule('a', 'allow', { method: 'prompts/get' })])).toMatchObject({ effect: 'deny' });
  });

  it('lets a denial win wherever it stands', () => {
    const rules = [rule('all', 'allow'), rule('no-write', 'deny', { name: 'wr*' })];
    expect(ask(rules)).toEqual({ effect: 'deny', ruleId: 'no-write', reason: 'rule_denies' });
    expect(ask(rules.toReversed())).toMatchObject({ ruleId: 'no-write' });
    expect(ask(rules, { name: 'read' })).toEqual({ effect: 'allow', ruleId: 'all', reason: 'rule_allows' });
  });

  it('narrows by tunnel id, tunnel domain and server', () => {
    expect(ask([rule('a', 'allow', { tunnel: 'tnl_1' })])).toMatchObject({ effect: 'allow' });
    expect(ask([rule('a', 'allow', { tunnel: 'x.tunnels.*' })])).toMatchObject({ effect: 'allow' });
    expect(ask([rule('a', 'allow', { tunnel: 'tnl_2' })])).toMatchObject({ effect: 'deny' });
    expect(ask([rule('a', 'allow', { server: 'mail' })])).toMatchObject({ effect: 'deny' });
  });

  it('is case-sensitive: a tool with another spelling is another tool', () => {
    expect(ask([rule('a', 'allow', { name: 'Write' })])).toMatchObject({ effect: 'deny' });
  });

  it('keeps rules about sandboxes and rules about tunnels apart', () => {
    const sandbox = { environmentId: 'env_1', environmentName: 'ci', tool: 'bash' };
    const inSandbox = (rules: readonly PolicyRule[]) =>
      decide({ policyId: 'pol_1', sha256: '', rules }, sandbox).effect;
    expect(inSandbox([rule('a', 'allow')])).toBe('deny');
    expect(ask([rule('a', 'allow', { environment: '*' })])).toMatchObject({ effect: 'deny' });
    expect(inSandbox([rule('a', 'allow', { environment: 'env_1' })])).toBe('allow');
    expect(inSandbox([rule('a', 'allow', { environment: 'c*', name: 'ba*' })])).toBe('allow');
    expect(inSandbox([rule('a', 'allow', { environment: '*', name: 'read' })])).toBe('deny');
    expect(inSandbox([rule('a', 'allow', { environment: '*', method: 'prompts/get' })])).toBe('deny');
    expect(inSandbox([rule('a', 'allow', { environment: '*' }), rule('b', 'deny', { environment: 'ci' })])).toBe(
      'deny',
    );
  });
});
