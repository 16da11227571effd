import fc from 'fast-check';
import { expect, it } from 'vitest';

import { BytePieces } from './byte-pieces.ts';

it('gives back what came, in pieces of any size, and again after it was cleared', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(9000)), { maxLength: 40 }), (sizes) => {
      const pieces = new BytePieces();
      const whole = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      for (const piece of whole) pieces.push(piece);
      expect(pieces.join().equals(Buffer.concat(whole))).toBe(true);
      expect(pieces.length).toBe(Buffer.concat(whole).length);
      pieces.clear();
      expect(pieces.join()).toHaveLength(0);
    }),
    { numRuns: 200 },
  );
});

it('holds single bytes in little more than their number', () => {
  const byte = Buffer.alloc(1, 7);
  const before = process.memoryUsage().rss;
  const pieces = new BytePieces();
  for (let count = 0; count < 500_000; count += 1) pieces.push(byte);
  expect(pieces.join()).toHaveLength(500_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
});
