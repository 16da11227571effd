import { type Result, fail, ok } from '@sallyport/result';
import { emptyRoot, hashBytes, nodeHash, sameHash } from './merkle-hash.ts';

/** A complete subtree: `level` 0 is a leaf, and `index` counts subtrees of that level from the left. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** Where proofs take the hashes of complete subtrees from, wherever they are stored. Rejects where one is missing. */
export abstract class HashReader {
  /** One answer per id, in order. A proof asks once, for at most a few hundred nodes. */
  abstract read(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]>;
}

export type ProofRequestRefusal = 'index-beyond-tree' | 'tree-shrinks';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The root of the first `size` leaves. */
export async function rootAt(reader: HashReader, size: number): Promise<Uint8Array> {
  if (size === 0) return emptyRoot();
  const [root] = await hashesOf(reader, [{ from: 0, to: size }]);
  return root as Uint8Array;
}

/** The audit path of a leaf, leaf to root: RFC 6962 §2.1.1. */
export async function inclusionProof(
  reader: HashReader,
  index: number,
  size: number,
): Promise<Result<readonly Uint8Array[], ProofRequestRefusal>> {
  if (index < 0 || index >= size) return fail('index-beyond-tree');
  return ok(await hashesOf(reader, pathSpans(index, { from: 0, to: size })));
}

/** That the tree of `oldSize` is a prefix of the one of `size`: RFC 6962 §2.1.2. Empty where the old tree is empty or the same. */
export async function consistencyProof(
  reader: HashReader,
  oldSize: number,
  size: number,
): Promise<Result<readonly Uint8Array[], ProofRequestRefusal>> {
  if (oldSize < 0 || oldSize > size) return fail('tree-shrinks');
  if (oldSize === 0 || oldSize === size) return ok([]);
  return ok(await hashesOf(reader, consistencySpans(oldSize, { from: 0, to: size }, true)));
}

export interface InclusionClaim {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly path: readonly Uint8Array[];
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(claim: InclusionClaim): boolean {
  const { index, size, path } = claim;
  if (!isSize(size) || !isSize(index) || index >= size || !allHashes([claim.leaf, claim.root, ...path])) return false;
  let node = index;
  let last = size - 1;
  let hash = claim.leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && sameHash(hash, claim.root);
}

export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162 §2.1.4.2, with the empty tree a prefix of every tree. */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { oldSize, size, proof } = claim;
  if (!isSize(oldSize) || !isSize(size) || oldSize > size) return false;
  if (!allHashes([claim.oldRoot, claim.root, ...proof])) return false;
  if (oldSize === size) return proof.length === 0 && sameHash(claim.oldRoot, claim.root);
  if (oldSize === 0) return proof.length === 0 && sameHash(claim.oldRoot, emptyRoot());
  const hashes = isPowerOfTwo(oldSize) ? [claim.oldRoot, ...proof] : proof;
  const [first, ...rest] = hashes;
  if (first === undefined) return false;
  let node = oldSize - 1;
  let last = size - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [oldHash, newHash] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && sameHash(oldHash, claim.oldRoot) && sameHash(newHash, claim.root);
}

function pathSpans(index: number, span: Span): Span[] {
  if (span.to - span.from === 1) return [];
  const split = splitOf(span);
  if (index < split) return [...pathSpans(index, { from: span.from, to: split }), { from: split, to: span.to }];
  return [...pathSpans(index, { from: split, to: span.to }), { from: span.from, to: split }];
}

/** SUBPROOF of RFC 6962 §2.1.2 with absolute positions; `whole` says that the old root itself is known to the asker. */
function consistencySpans(oldEnd: number, span: Span, whole: boolean): Span[] {
  if (oldEnd === span.to) return whole ? [] : [span];
  const split = splitOf(span);
  if (oldEnd <= split)
    return [...consistencySpans(oldEnd, { from: span.from, to: split }, whole), { from: split, to: span.to }];
  return [...consistencySpans(oldEnd, { from: split, to: span.to }, false), { from: span.from, to: split }];
}

/** Where RFC 6962 cuts a range: after the largest power of two smaller than its width. */
function splitOf(span: Span): number {
  let width = 1;
  while (width * 2 < span.to - span.from) width *= 2;
  return span.from + width;
}

/** The hash of each range, read in one go. Ranges start at a multiple of a power of two that is no smaller than their width. */
async function hashesOf(reader: HashReader, spans: readonly Span[]): Promise<Uint8Array[]> {
  const parts = spans.map(completeSubtrees);
  const hashes = await reader.read(parts.flat());
  let at = 0;
  return parts.map((nodes) => {
    const end = at + nodes.length;
    let root: Uint8Array | undefined;
    for (let index = end - 1; index >= at; index -= 1) {
      const hash = hashes[index];
      if (hash === undefined || hash.length !== hashBytes) throw new Error('the hash reader left out a node');
      root = root === undefined ? hash : nodeHash(hash, root);
    }
    at = end;
    if (root === undefined) throw new Error('a range has no leaves');
    return root;
  });
}

function completeSubtrees(span: Span): NodeId[] {
  const nodes: NodeId[] = [];
  let from = span.from;
  while (from < span.to) {
    let [level, width] = [0, 1];
    while (from % (width * 2) === 0 && from + width * 2 <= span.to) [level, width] = [level + 1, width * 2];
    nodes.push({ level, index: from / width });
    from += width;
  }
  return nodes;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest > 1 && rest % 2 === 0) rest /= 2;
  return rest === 1;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function allHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === hashBytes);
}
