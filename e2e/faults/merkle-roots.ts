import { createHash } from 'node:crypto';

/** The root of a log as RFC 6962 §2.1 defines it, leaf by leaf. Written for the tests alone: it shares no code with the ledger. */
export class MerkleRoots {
  /** Roots of the full subtrees of the present size, largest first, each with its number of leaves. */
  readonly #subtrees: { readonly leaves: number; readonly hash: Buffer }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(leaf: string): void {
    this.#size += 1;
    let added = { leaves: 1, hash: sha256(0, Buffer.from(leaf)) };
    for (let last = this.#subtrees.at(-1); last?.leaves === added.leaves; last = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      added = { leaves: added.leaves * 2, hash: sha256(1, last.hash, added.hash) };
    }
    this.#subtrees.push(added);
  }

  root(): string {
    const hashes = this.#subtrees.map(({ hash }) => hash);
    const root = hashes.reduceRight<Buffer | undefined>(
      (right, left) => (right === undefined ? left : sha256(1, left, right)),
      undefined,
    );
    return (root ?? createHash('sha256').digest()).toString('hex');
  }
}

function sha256(prefix: number, ...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256').update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest();
}
