import type { ExecResult, OutputLimits } from './sandbox-driver.ts';

/** The first and the last bytes of an output, and a count of those between. Holds no more than the limits, and one chunk. */
export class KeptOutput {
  readonly #limits: OutputLimits;
  readonly #onOutput: ((data: Uint8Array) => void) | undefined;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer = Buffer.alloc(0);
  #omittedBytes = 0;

  constructor(limits: OutputLimits, onOutput?: (data: Uint8Array) => void) {
    this.#limits = limits;
    this.#onOutput = onOutput;
  }

  add(chunk: Buffer): void {
    const first = chunk.subarray(0, this.#limits.headBytes - this.#headBytes);
    if (first.length > 0) {
      this.#head.push(first);
      this.#headBytes += first.length;
      this.#onOutput?.(first);
    }
    const rest = Buffer.concat([this.#tail, chunk.subarray(first.length)]);
    const over = Math.max(0, rest.length - this.#limits.tailBytes);
    this.#omittedBytes += over;
    this.#tail = rest.subarray(over);
  }

  result(): Pick<ExecResult, 'head' | 'tail' | 'omittedBytes'> {
    return { head: Buffer.concat(this.#head), tail: this.#tail, omittedBytes: this.#omittedBytes };
  }
}
