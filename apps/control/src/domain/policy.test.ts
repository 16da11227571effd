import { describe, expect, it } from 'vitest';
import { parsePolicyRules } from './policy.ts';

describe('policy rules', () => {
  it('fills in what an author leaves out', () => {
    expect(
      parsePolicyRules([
        { effect: 'allow', tool: 'echo*' },
        { id: 'no-secrets', effect: 'deny', method: 'resources/*', name: 'file:///etc/*', server: 'files' },
      ]),
    ).toEqual({
      ok: true,
      value: [
        { id: 'rule-1', effect: 'allow', tunnel: '*', server: '*', method: 'tools/call', name: 'echo*' },
        {
          id: 'no-secrets',
          effect: 'deny',
          tunnel: '*',
          server: 'files',
          method: 'resources/*',
          name: 'file:///etc/*',
        },
      ],
    });
  });

  it.each([
    ['not a list', {}, -1],
    ['no object', ['x'], 0],
    ['no effect', [{ tool: 'a' }], 0],
    ['a foreign field', [{ effect: 'allow', tools: ['a'] }], 0],
    ['tool and name', [{ effect: 'allow', tool: 'a', name: 'b' }], 0],
    ['tool with another method', [{ effect: 'allow', tool: 'a', method: 'prompts/get' }], 0],
    ['environment and tunnel', [{ effect: 'allow', environment: 'ci', tunnel: '*' }], 0],
    ['an empty environment', [{ effect: 'allow', environment: '' }], 0],
    ['an empty pattern', [{ effect: 'allow', tool: '' }], 0],
    ['a long pattern', [{ effect: 'allow', tool: 'a'.repeat(257) }], 0],
    [
      'the same id twice',
      [
        { id: 'a', effect: 'allow' },
        { id: 'a', effect: 'deny' },
      ],
      1,
    ],
    ['too many', Array.from({ length: 1_001 }, () => ({ effect: 'allow' })), 1_000],
  ])('refuses %s and says where', (_name, value, rule) => {
    expect(parsePolicyRules(value)).toMatchObject({ ok: false, reason: { rule } });
  });
});
