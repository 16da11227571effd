import { fail, ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';
import { AnswerCache } from './answer-cache.ts';

const route = ok({ tunnelId: 'tnl_1' });

describe('answer cache', () => {
  it('answers while control shows life, and not beyond', () => {
    const cache = new AnswerCache<object, string>();
    cache.trust(7n, 1_000);
    cache.put('a', route, 7n);
    expect(cache.get('a', 999)).toBe(route);
    expect(cache.get('a', 1_000)).toBeUndefined();
    cache.trust(7n, 2_000);
    expect(cache.get('a', 1_500)).toBe(route);
  });

  it('forgets everything at a new revision, and takes no answer of an old one', () => {
    const cache = new AnswerCache<object, string>();
    cache.trust(7n, 1_000);
    cache.put('a', route, 7n);
    cache.trust(8n, 1_000);
    expect(cache.get('a', 0)).toBeUndefined();
    cache.put('a', route, 7n);
    expect(cache.get('a', 0)).toBeUndefined();
    cache.put('a', route, 9n);
    expect(cache.get('a', 0)).toBeUndefined();
  });

  it('keeps working credentials while others are guessed', () => {
    const cache = new AnswerCache<object, string>();
    cache.trust(1n, 1_000);
    cache.put('good', route, 1n);
    for (let guess = 0; guess < 10_050; guess += 1) cache.put(`guess-${guess}`, fail('credential_unknown'), 1n);
    expect(cache.get('good', 0)).toBe(route);
    expect(cache.get('guess-0', 0)).toBeUndefined();
    expect(cache.get('guess-10049', 0)).toEqual(fail('credential_unknown'));
  });
});
