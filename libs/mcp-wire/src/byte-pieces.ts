/** Pieces at least this large are kept as they came. */
const largeBytes = 4096;

/**
 * Bytes that come in pieces and are wanted in one. Small pieces are joined as they come: a sender that cuts as finely as it can would
 * otherwise make us hold a view of some hundred bytes for each byte.
 */
export class BytePieces {
  #pieces: Buffer[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    let last = piece;
    // Joined with what is no longer than itself, a byte is copied a dozen times at most.
    for (let before = this.#pieces.at(-1); before !== undefined; before = this.#pieces.at(-1)) {
      if (before.length >= largeBytes || before.length > last.length) break;
      last = Buffer.concat([before, last]);
      this.#pieces.pop();
    }
    this.#pieces.push(last);
  }

  join(): Buffer {
    const [only] = this.#pieces;
    return this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces, this.#length);
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }
}
