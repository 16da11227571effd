import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPrefixedId, prefixedIdFromBytes } from './prefixed-id.ts';

const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('prefixed ids', () => {
  it('has a fixed shape and no two byte strings share an id', () => {
    fc.assert(
      fc.property(sixteenBytes, sixteenBytes, (left, right) => {
        const id = prefixedIdFromBytes('tnl', left);
        expect(isPrefixedId('tnl', id)).toBe(true);
        expect(id === prefixedIdFromBytes('tnl', right)).toBe(Buffer.from(left).equals(Buffer.from(right)));
      }),
    );
  });

  it('knows the id of zero and of all ones', () => {
    expect(prefixedIdFromBytes('call', new Uint8Array(16))).toBe(`call_${'0'.repeat(26)}`);
    expect(prefixedIdFromBytes('call', new Uint8Array(16).fill(255))).toBe(`call_${'z'.repeat(25)}w`);
  });

  it('refuses another length, another prefix and foreign characters', () => {
    expect(() => prefixedIdFromBytes('tnl', new Uint8Array(15))).toThrow(RangeError);
    expect(isPrefixedId('tnl', `call_${'0'.repeat(26)}`)).toBe(false);
    expect(isPrefixedId('tnl', `tnl_${'u'.repeat(26)}`)).toBe(false);
    expect(isPrefixedId('tnl', `tnl_${'0'.repeat(27)}`)).toBe(false);
  });
});
