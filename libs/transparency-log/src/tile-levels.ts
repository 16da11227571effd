import { type HashRun, rootOf } from './tile-hash-reader.ts';
import { tileWidth } from './tile-layout.ts';

/** A hash of a tile level above 0, which became known when its last leaf came. */
export interface CompletedHash {
  readonly level: number;
  readonly index: number;
  readonly hash: Uint8Array;
}

/**
 * Computes, while leaves come, the hashes of tile levels 1 and up. It holds per level the hashes of the last, unfinished tile; `resumeRuns` says
 * which ones a writer that starts again reads back.
 */
export class TileLevels {
  readonly #pending: Uint8Array[][];
  #size: number;

  /** `pending[L]` are the stored hashes of tile level L from `floor(floor(size/256^L)/256)*256` on. */
  constructor(size: number, pending: readonly (readonly Uint8Array[])[]) {
    this.#size = size;
    this.#pending = pending.map((level) => [...level]);
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Uint8Array): CompletedHash[] {
    const completed: CompletedHash[] = [];
    let hash = leaf;
    let count = this.#size + 1;
    this.#size = count;
    for (let level = 0; ; level += 1) {
      const pending = (this.#pending[level] ??= []);
      pending.push(hash);
      if (pending.length < tileWidth) return completed;
      hash = rootOf(Buffer.concat(pending));
      pending.length = 0;
      count /= tileWidth;
      completed.push({ level: level + 1, index: count - 1, hash });
    }
  }
}

/** Which stored hashes `TileLevels` needs to go on at a size: one run per level, none for an empty one. */
export function resumeRuns(size: number): readonly HashRun[] {
  const runs: HashRun[] = [];
  for (let [level, count] = [0, size]; count > 0; [level, count] = [level + 1, Math.floor(count / tileWidth)])
    runs.push({ level, from: count - (count % tileWidth), count: count % tileWidth });
  return runs;
}
