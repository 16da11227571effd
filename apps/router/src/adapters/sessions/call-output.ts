const pendingCharactersMax = 32 * 1024;
const tailCharactersMax = 16 * 1024;

/**
 * What a tool has written, as text: a character that is split between two pieces is whole. What nobody has taken is kept up to a bound, the
 * newest of it, so that a client that reads slowly slows no tool.
 */
export class CallOutput {
  readonly #decoder = new TextDecoder();
  #pending = '';
  #leftOut = 0;
  #tail = '';
  #bytes = 0;

  /** Of everything that was written. */
  get bytes(): number {
    return this.#bytes;
  }

  push(piece: Uint8Array): void {
    this.#bytes += piece.length;
    const text = this.#decoder.decode(piece, { stream: true });
    this.#pending += text;
    const over = this.#pending.length - pendingCharactersMax;
    if (over > 0) {
      this.#pending = this.#pending.slice(over);
      this.#leftOut += over;
    }
    this.#tail = (this.#tail + text).slice(-tailCharactersMax);
  }

  /** What was written since the last time; undefined where that is nothing. */
  take(): string | undefined {
    if (this.#pending === '') return undefined;
    const note = this.#leftOut === 0 ? '' : `[… ${this.#leftOut} characters left out …]\n`;
    const text = note + this.#pending.toWellFormed();
    this.#pending = '';
    this.#leftOut = 0;
    return text;
  }

  /** The end of everything that was written. */
  tail(): string {
    return this.#tail.toWellFormed();
  }
}
