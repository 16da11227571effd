/** Of one message; the protocol's limit. */
export const outputMessageBytesMax = 64 * 1024;
/** Of one call, while the stream is full. */
export const outputWaitingBytesMax = 128 * 1024;

/**
 * One call's output on its way to the scheduler: always a prefix of what the tool wrote. Where the stream is full for too long the rest is left out;
 * the answer has it.
 */
export class OutputRelay {
  readonly #send: (data: Uint8Array) => boolean;
  #leftBytes: number;
  #isFull = false;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isOver = false;
  #sentBytes = 0;
  #droppedBytes = 0;

  /** `send` returns false where no more should follow for now. */
  constructor(bytesMax: number, send: (data: Uint8Array) => boolean) {
    this.#leftBytes = bytesMax;
    this.#send = send;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  push(data: Uint8Array): void {
    const taken = this.#isOver ? 0 : Math.min(data.byteLength, this.#leftBytes);
    this.#leftBytes -= taken;
    if (taken < data.byteLength) {
      this.#droppedBytes += data.byteLength - taken;
      this.#leftBytes = 0;
    }
    if (taken === 0) return;
    if (this.#isFull && this.#waitingBytes + taken > outputWaitingBytesMax) {
      this.#droppedBytes += taken;
      this.#leftBytes = 0; // never a gap: what follows is left out too
      return;
    }
    this.#waiting.push(Uint8Array.prototype.slice.call(data, 0, taken)); // the driver may use its buffer again
    this.#waitingBytes += taken;
    this.#flush();
  }

  writable(): void {
    this.#isFull = false;
    this.#flush();
  }

  /** The stream is gone, and with it perhaps what was on its way: nothing may follow. Also the end of the call. */
  end(): void {
    this.#isOver = true;
    this.#droppedBytes += this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #flush(): void {
    if (this.#isFull || this.#waitingBytes === 0) return;
    const joined = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (let at = 0; at < joined.length; at += outputMessageBytesMax) {
      if (this.#isFull) {
        const rest = joined.subarray(at);
        this.#waiting = [rest];
        this.#waitingBytes = rest.length;
        return;
      }
      const piece = joined.subarray(at, at + outputMessageBytesMax);
      this.#sentBytes += piece.length;
      this.#isFull = !this.#send(piece);
    }
  }
}
