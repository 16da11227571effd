import { describe, expect, it } from 'vitest';

import { AcceptLimit } from './accept-limit.ts';

const limits = { openPerAddressMax: 3, perAddressPerSecondMax: 2, openMax: 5 };

describe('accept limit', () => {
  it('bounds the rate of one address and lets it recover', () => {
    const limit = new AcceptLimit({ ...limits, openPerAddressMax: 100, openMax: 100 });
    for (let dial = 0; dial < 4; dial += 1) expect(limit.accept('a', 0)).toBeUndefined();
    expect(limit.accept('a', 0)).toBe('too-fast-from-address');
    expect(limit.accept('b', 0)).toBeUndefined();
    expect(limit.accept('a', 500)).toBeUndefined();
    expect(limit.accept('a', 500)).toBe('too-fast-from-address');
  });

  it('bounds open connections of one address and of all', () => {
    const limit = new AcceptLimit(limits);
    for (let dial = 0; dial < 3; dial += 1) expect(limit.accept('a', dial * 10_000)).toBeUndefined();
    expect(limit.accept('a', 90_000)).toBe('too-many-of-address');
    expect(limit.accept('b', 90_000)).toBeUndefined();
    expect(limit.accept('b', 90_000)).toBeUndefined();
    expect(limit.accept('c', 90_000)).toBe('too-many-connections');
    limit.closed('a');
    expect(limit.accept('c', 90_000)).toBeUndefined();
  });

  it('does not count a goodbye twice, nor one of a stranger', () => {
    const limit = new AcceptLimit({ ...limits, openMax: 1 });
    limit.closed('stranger');
    expect(limit.accept('a', 0)).toBeUndefined();
    limit.closed('a');
    limit.closed('a');
    expect(limit.accept('a', 0)).toBeUndefined();
    expect(limit.accept('a', 0)).toBe('too-many-connections');
  });
});
