import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fuzzTargets } from './fuzz-targets.ts';
import { seedsDirOf } from './places.ts';

const seedBytesMax = 8192;

function seedsOf(target: string): readonly string[] {
  const dir = seedsDirOf(target);
  return existsSync(dir) ? readdirSync(dir).toSorted() : [];
}

describe('the targets', () => {
  it('are the files of their folder', () => {
    const files = readdirSync(fileURLToPath(new URL('./targets/', import.meta.url)));
    expect(fuzzTargets.map(({ name }) => `${name}.ts`)).toEqual(files.toSorted());
  });
});

describe.each(fuzzTargets)('$name', ({ name, bytesMax, fuzz }) => {
  const seeds = seedsOf(name);

  it('has seeds, all of them small', () => {
    expect(seeds).not.toEqual([]);
    for (const seed of seeds) expect(readFileSync(`${seedsDirOf(name)}/${seed}`).length).toBeLessThan(seedBytesMax);
  });

  it.each(seeds)('keeps its promises on %s', (seed) => {
    fuzz(readFileSync(`${seedsDirOf(name)}/${seed}`));
  });

  it('keeps its promises on random bytes, and on seeds with some of theirs changed', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat())
      .map(([seed, changes, end]) => {
        const bytes = readFileSync(`${seedsDirOf(name)}/${seed}`);
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, end % 4 === 0 ? end % (bytes.length + 1) : bytes.length);
      });
    const random = fc.uint8Array({ maxLength: Math.min(bytesMax, 200) });
    fc.assert(
      fc.property(fc.oneof(random, damaged), (bytes) => {
        fuzz(bytes);
      }),
      { numRuns: 150, seed: 1 },
    );
  });
});
