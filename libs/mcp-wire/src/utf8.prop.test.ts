import { isUtf8 } from 'node:buffer';

import fc from 'fast-check';
import { expect, it } from 'vitest';

import { firstInvalidUtf8 } from './utf8.ts';

it('agrees with the platform on what is UTF-8, and names the first byte that is not', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc
      .tuple(fc.string({ unit: 'binary', maxLength: 4 }), fc.uint8Array({ maxLength: 5 }))
      .map(([text, tail]) => Buffer.concat([Buffer.from(text), tail])),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      const at = firstInvalidUtf8(input);
      expect(at === input.length).toBe(isUtf8(input));
      expect(isUtf8(input.subarray(0, at))).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
