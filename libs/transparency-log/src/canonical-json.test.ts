import { describe, expect, it } from 'vitest';
import { canonicalDepthMax, canonicalize, isCanonical } from './canonical-json.ts';

describe('canonical JSON', () => {
  it('sorts keys at every level and leaves out spaces', () => {
    expect(canonicalize({ b: [1, { z: null, a: true }], a: 'x', B: false, _: -5, 10: 1, 9: 2 })).toEqual({
      ok: true,
      value: '{"10":1,"9":2,"B":false,"_":-5,"a":"x","b":[1,{"a":true,"z":null}]}',
    });
  });

  it('escapes strings as RFC 8785 §3.2.2.2 says', () => {
    const text = '€$\u000f\nA\'B"\\\\"/';
    expect(canonicalize(text)).toEqual({ ok: true, value: '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"' });
    expect(canonicalize('\u0000\u007f\ud83d\ude00\u2028')).toEqual({ ok: true, value: '"\\u0000\u007f😀\u2028"' });
  });

  it('writes the integers of the profile and nothing else', () => {
    expect(canonicalize([0, -0, 2 ** 53 - 1, -(2 ** 53 - 1)])).toEqual({
      ok: true,
      value: '[0,0,9007199254740991,-9007199254740991]',
    });
    for (const number of [0.5, 2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY, 1e300])
      expect(canonicalize({ a: number })).toEqual({ ok: false, reason: 'not-a-safe-integer' });
  });

  it('refuses lone surrogates, in short and in long text', () => {
    for (const text of ['\ud800', 'a\udc00b', `${'x'.repeat(500)}\ud800`])
      expect(canonicalize([text])).toEqual({ ok: false, reason: 'ill-formed-text' });
  });

  it('refuses keys outside the profile, again and again', () => {
    for (const key of ['', 'a-b', 'a b', 'ä', 'a.b', '\ud800', 'a\n'])
      for (const _ of [1, 2]) expect(canonicalize({ [key]: 1 })).toEqual({ ok: false, reason: 'bad-key' });
  });

  it('refuses what is not JSON: undefined, bigint, functions, symbols, dates, class instances, holes', () => {
    class Point {
      readonly x = 1;
    }
    for (const value of [undefined, 1n, () => 1, Symbol('s'), new Date(0), new Map(), new Point(), new Uint8Array(1)])
      for (const where of [value, [value], { a: value }])
        expect(canonicalize(where)).toEqual({ ok: false, reason: 'not-a-json-value' });
    expect(canonicalize([1, , 2])).toEqual({ ok: false, reason: 'not-a-json-value' }); // oxlint-disable-line no-sparse-arrays -- the hole is the point
  });

  it('ends a circular value at its depth bound', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(canonicalize(circle)).toEqual({ ok: false, reason: 'nested-too-deep' });
    const deep = JSON.parse('['.repeat(canonicalDepthMax) + ']'.repeat(canonicalDepthMax)) as unknown;
    expect(canonicalize(deep).ok).toBe(true);
    expect(canonicalize([deep])).toEqual({ ok: false, reason: 'nested-too-deep' });
  });

  it('sorts objects of many keys as it sorts small ones', () => {
    const keys = Array.from({ length: 100 }, (_, index) => `k${(index * 37) % 100}`);
    const written = canonicalize(Object.fromEntries(keys.map((key) => [key, 1])));
    expect(written).toEqual({
      ok: true,
      value: `{${keys
        .toSorted()
        .map((key) => `"${key}":1`)
        .join(',')}}`,
    });
  });

  it('tells canonical text from other spellings of the same value', () => {
    for (const [text, canonical] of [
      ['{"a":1}', true],
      ['{"a": 1}', false],
      ['{"a":1,"a":1}', false],
      ['{"b":1,"a":1}', false],
      ['{"a":1.0}', false],
      ['{"a":"\\u0041"}', false],
      ['{"a":1e0}', false],
      ['{"a":1.5}', false],
    ] as const)
      expect([text, isCanonical(text, JSON.parse(text))]).toEqual([text, canonical]);
  });
});
