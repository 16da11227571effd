import { describe, expect, it } from 'vitest';
import { uuidV7FromParts } from './uuid-v7.ts';

describe('UUID version 7', () => {
  it('reproduces the example of RFC 9562 appendix A.6', () => {
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
    expect(uuidV7FromParts(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('sorts by time', () => {
    const random = Buffer.alloc(10, 0xff);
    expect(uuidV7FromParts(1, random) < uuidV7FromParts(2, Buffer.alloc(10))).toBe(true);
  });

  it('refuses times and random bytes out of range', () => {
    expect(() => uuidV7FromParts(-1, Buffer.alloc(10))).toThrow(RangeError);
    expect(() => uuidV7FromParts(2 ** 48, Buffer.alloc(10))).toThrow(RangeError);
    expect(() => uuidV7FromParts(0, Buffer.alloc(9))).toThrow(RangeError);
  });
});
