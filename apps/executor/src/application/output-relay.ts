/** Of one message; the protocol's limit. */
export const outputMessageBytesMax = 64 * 1024;
/** Of one call, while it may not be sent. */
export const outputWaitingBytesMax = 256 * 1024;

/**
 * One call's output on its way to the scheduler: always a prefix of what the tool wrote. What the way does not take for too long is left out, with all
 * that follows; the answer has it. Sends what fills a message at once, and less when it is told to.
 */
export class OutputRelay {
  readonly #send: (data: Uint8Array) => boolean;
  #leftBytes: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #sentBytes = 0;
  #droppedBytes = 0;

  /** `send` returns false where it has not sent: it is tried again at the next `flush`. */
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
    const taken = Math.min(data.byteLength, this.#leftBytes);
    if (this.#waitingBytes + taken > outputWaitingBytesMax) this.#flushWhile(outputMessageBytesMax);
    if (taken === 0 || this.#waitingBytes + taken > outputWaitingBytesMax) return this.#stop(data.byteLength);
    this.#leftBytes -= taken;
    // A copy: the driver may use its buffer again.
    this.#waiting.push(Uint8Array.prototype.slice.call(data, 0, taken));
    this.#waitingBytes += taken;
    this.#flushWhile(outputMessageBytesMax);
    if (taken < data.byteLength) this.#stop(data.byteLength - taken);
  }

  flush(): void {
    this.#flushWhile(1);
  }

  /** Nothing may follow: the call is over, or the stream is gone, and with it perhaps what was on its way. */
  end(): void {
    this.#stop(this.#waitingBytes);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #stop(droppedBytes: number): void {
    this.#leftBytes = 0;
    this.#droppedBytes += droppedBytes;
  }

  /** Sends while at least so much is there. */
  #flushWhile(bytes: number): void {
    if (this.#waitingBytes < bytes) return;
    let rest = Buffer.concat(this.#waiting);
    while (rest.length >= bytes) {
      const piece = rest.subarray(0, outputMessageBytesMax);
      if (!this.#send(piece)) break;
      this.#sentBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
    this.#waiting = rest.length === 0 ? [] : [rest];
    this.#waitingBytes = rest.length;
  }
}
