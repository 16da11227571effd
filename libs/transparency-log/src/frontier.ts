import { type Result, fail, ok } from '@sallyport/result';
import { emptyRoot, hashBytes, nodeHash } from './merkle-hash.ts';

/** Sizes and indexes are plain numbers, exact up to here. */
export const treeSizeMax = Number.MAX_SAFE_INTEGER;

const sizeBytes = 8;

/**
 * The right edge of an RFC 6962 tree: the roots of its complete subtrees, largest first. It is all that is needed to append and to compute the
 * root; at most 53 hashes. Mutable, because a batch of a thousand leaves appends to it on the hot path.
 */
export class Frontier {
  #size: number;
  readonly #subtrees: Uint8Array[];

  private constructor(size: number, subtrees: Uint8Array[]) {
    this.#size = size;
    this.#subtrees = subtrees;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** Reads what `serialize` wrote. */
  static parse(bytes: Uint8Array): Result<Frontier, 'malformed-frontier'> {
    if (bytes.length < sizeBytes) return fail('malformed-frontier');
    const size = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readBigUInt64BE(0);
    if (size > BigInt(treeSizeMax)) return fail('malformed-frontier');
    const count = onesIn(Number(size));
    if (bytes.length !== sizeBytes + count * hashBytes) return fail('malformed-frontier');
    const subtrees: Uint8Array[] = [];
    for (let at = sizeBytes; at < bytes.length; at += hashBytes) subtrees.push(bytes.slice(at, at + hashBytes));
    return ok(new Frontier(Number(size), subtrees));
  }

  /** The tree of this size whose complete subtrees, largest first, have these roots. Throws RangeError where the count does not fit. */
  static fromSubtrees(size: number, subtrees: readonly Uint8Array[]): Frontier {
    if (subtrees.length !== onesIn(size)) throw new RangeError(`${subtrees.length} subtrees make no tree of ${size}`);
    return new Frontier(size, [...subtrees]);
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Uint8Array): void {
    if (this.#size >= treeSizeMax) throw new RangeError('the tree is full');
    let hash = leaf;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) {
      const left = this.#subtrees.pop();
      if (left === undefined) throw new Error('the frontier has lost a subtree');
      hash = nodeHash(left, hash);
    }
    this.#subtrees.push(hash);
    this.#size += 1;
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const subtree of this.#subtrees.toReversed()) root = root === undefined ? subtree : nodeHash(subtree, root);
    return root ?? emptyRoot();
  }

  copy(): Frontier {
    return new Frontier(this.#size, [...this.#subtrees]);
  }

  /** Size as 8 bytes, big-endian, then the subtree roots. */
  serialize(): Buffer {
    const size = Buffer.alloc(sizeBytes);
    size.writeBigUInt64BE(BigInt(this.#size));
    return Buffer.concat([size, ...this.#subtrees]);
  }
}

function onesIn(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
