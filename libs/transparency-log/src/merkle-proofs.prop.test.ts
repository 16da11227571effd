import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Frontier } from './frontier.ts';
import { MemoryLog } from './memory-log.ts';
import { emptyRoot, leafHash, nodeHash } from './merkle-hash.ts';
import { consistencyProof, inclusionProof, rootAt, verifyConsistency, verifyInclusion } from './merkle-proofs.ts';
import { TileHashReader } from './tile-hash-reader.ts';
import { TileLevels, resumeRuns } from './tile-levels.ts';

const sizeMax = 70_000;
const log = new MemoryLog();
const reader = new TileHashReader(log);
const hash = (index: number) => leafHash(`entry ${index}`);
/** Of no entry: a hash of the tree may be the very one that is replaced. */
const strangeHash = (number: number) => leafHash(`strange ${number}`);

/** RFC 6962 §2.1, word for word. */
function naiveRoot(from: number, to: number): Uint8Array {
  if (to === from) return emptyRoot();
  if (to - from === 1) return hash(from);
  let split = 1;
  while (split * 2 < to - from) split *= 2;
  return nodeHash(naiveRoot(from, from + split), naiveRoot(from + split, to));
}

beforeAll(() => {
  for (let index = 0; index < sizeMax; index += 1) log.append(`entry ${index}`);
});

const small = fc.integer({ min: 0, max: 700 });
const large = fc.oneof(
  small,
  fc.integer({ min: 0, max: sizeMax }),
  fc.constantFrom(255, 256, 257, 65_535, 65_536, 65_537),
);

describe('Merkle trees, properties', () => {
  it('has the root that the definition gives, from the frontier and from stored hashes', async () => {
    await fc.assert(
      fc.asyncProperty(small, async (size) => {
        const frontier = Frontier.empty();
        for (let index = 0; index < size; index += 1) frontier.append(hash(index));
        const root = naiveRoot(0, size);
        expect(Buffer.compare(frontier.root(), root)).toBe(0);
        expect(Buffer.compare(await rootAt(reader, size), root)).toBe(0);
      }),
      { numRuns: 60 },
    );
    expect(Buffer.compare(await rootAt(reader, sizeMax), naiveRoot(0, sizeMax))).toBe(0);
  });

  it('continues from a serialised frontier as if nothing had happened, and refuses a damaged one', () => {
    fc.assert(
      fc.property(small, small, fc.nat(), (before, after, flip) => {
        const frontier = Frontier.empty();
        for (let index = 0; index < before; index += 1) frontier.append(hash(index));
        const bytes = frontier.serialize();
        const again = Frontier.parse(bytes);
        expect(again.ok && again.value.size).toBe(before);
        for (let index = before; index < before + after; index += 1) {
          frontier.append(hash(index));
          if (again.ok) again.value.append(hash(index));
        }
        expect(again.ok && Buffer.compare(again.value.root(), frontier.root())).toBe(0);
        expect(Frontier.parse(bytes.subarray(0, flip % bytes.length)).ok).toBe(false);
        expect(Frontier.parse(Buffer.concat([bytes, Buffer.of(0)])).ok).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('proves every leaf, and no other leaf, index, size or root', async () => {
    await fc.assert(
      fc.asyncProperty(large, large, fc.nat(), async (first, second, change) => {
        const size = Math.max(first, second) + 1;
        const index = Math.min(first, second);
        if (size > sizeMax) return;
        const proof = await inclusionProof(reader, index, size);
        if (!proof.ok) throw new Error(proof.reason);
        const claim = { leaf: hash(index), index, size, root: await rootAt(reader, size), path: proof.value };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: hash(index + 1) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, root: hash(0), size: 2 })).toBe(false);
        expect(verifyInclusion({ ...claim, path: [...claim.path, hash(0)] })).toBe(false);
        const at = change % Math.max(1, claim.path.length);
        const damaged =
          claim.path.length === 0 ? [] : [claim.path.toSpliced(at, 1), claim.path.with(at, strangeHash(change))];
        expect(damaged.filter((path) => verifyInclusion({ ...claim, path }))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('proves every prefix, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(large, large, fc.nat(), async (first, second, change) => {
        const [oldSize, size] = [Math.min(first, second), Math.max(first, second)];
        const proof = await consistencyProof(reader, oldSize, size);
        if (!proof.ok) throw new Error(proof.reason);
        const [oldRoot, root] = [await rootAt(reader, oldSize), await rootAt(reader, size)];
        const claim = { oldSize, oldRoot, size, root, proof: proof.value };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, oldRoot: hash(1) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...claim.proof, hash(0)] })).toBe(false);
        // Of the empty tree every tree is an extension, so that its claim says nothing about the newer root.
        expect(verifyConsistency({ ...claim, root: hash(1) })).toBe(oldSize === 0 && size > 0);
        expect(verifyConsistency({ ...claim, oldSize: size, size: oldSize })).toBe(oldSize === size);
        const at = change % Math.max(1, claim.proof.length);
        const damaged =
          claim.proof.length === 0 ? [] : [claim.proof.toSpliced(at, 1), claim.proof.with(at, strangeHash(change))];
        expect(damaged.filter((proof) => verifyConsistency({ ...claim, proof }))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('computes tile levels after a restart at any size as it would have without one', async () => {
    await fc.assert(
      fc.asyncProperty(large, async (size) => {
        const stored = await log.readRuns(resumeRuns(size));
        const pending = stored.map((run) =>
          Array.from({ length: run.length / 32 }, (_, at) => run.subarray(at * 32, at * 32 + 32)),
        );
        const levels = new TileLevels(size, pending);
        for (let index = size; index < Math.min(sizeMax, size + 600); index += 1)
          for (const { level, index: at, hash: made } of levels.append(hash(index))) {
            const [expected] = await log.readRuns([{ level, from: at, count: 1 }]);
            expect(Buffer.compare(made, expected!)).toBe(0);
          }
      }),
      { numRuns: 30 },
    );
    expect([log.hashesAt(1), log.hashesAt(2)]).toEqual([273, 1]);
  });

  it('refuses requests for what the tree does not hold, and fails where a hash is missing', async () => {
    expect(await inclusionProof(reader, 5, 5)).toEqual({ ok: false, reason: 'index-beyond-tree' });
    expect(await consistencyProof(reader, 6, 5)).toEqual({ ok: false, reason: 'tree-shrinks' });
    await expect(rootAt(reader, sizeMax + 1)).rejects.toThrow('missing');
  });
});
