import type { ResponseScanner } from '@sallyport/mcp-wire';

/** What does not fit is relayed as it comes, but for the part that completes the answer. */
const heldBytesMax = 256 * 1024;

/**
 * The end of an answer that comes as one body. A client has no answer before the byte that completes the message is out, whatever white
 * space or garbage follows it: that byte and all behind it stay here until `rest` is taken.
 */
export class HeldAnswer {
  readonly #scanner: ResponseScanner;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Offset among the held bytes of the one that completes the message, or that shows that it is none. */
  #decisiveAt: number | undefined;

  constructor(scanner: ResponseScanner) {
    this.#scanner = scanner;
  }

  /** What may go out at once, undefined where that is nothing yet. `too_long`: what must be held does not fit. */
  push(chunk: Buffer): Buffer | 'too_long' | undefined {
    this.#scan(chunk);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= heldBytesMax) return undefined;
    const all = Buffer.concat(this.#held, this.#heldBytes);
    const from = this.#decisiveAt ?? all.length - 1;
    if (all.length - from > heldBytesMax) return 'too_long';
    this.#held = [all.subarray(from)];
    this.#heldBytes = all.length - from;
    if (this.#decisiveAt !== undefined) this.#decisiveAt = 0;
    return from === 0 ? undefined : all.subarray(0, from);
  }

  rest(): Buffer {
    const [only] = this.#held;
    return this.#held.length === 1 && only !== undefined ? only : Buffer.concat(this.#held, this.#heldBytes);
  }

  #scan(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && this.#scanner.fault === undefined;) {
      const stopped = this.#scanner.push(chunk, at);
      if (this.#scanner.complete || this.#scanner.fault !== undefined)
        this.#decisiveAt ??= this.#heldBytes + Math.min(stopped, chunk.length - 1);
      at = stopped + 1;
    }
  }
}
