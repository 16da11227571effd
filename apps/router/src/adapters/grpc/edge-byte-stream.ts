import { Duplex } from 'node:stream';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { tunnel } from '@sallyport/contracts';

type Call = ClientDuplexStream<tunnel.OpenByteStreamRequest, tunnel.OpenByteStreamResponse>;
type Written = { readonly chunk: Buffer; readonly encoding: BufferEncoding };

/** A message's bytes; what is smaller is joined, what is larger is cut. */
const messageBytesMax = 64 * 1024;
/** More than a proxy's window lets the session inside send (8 MiB at ours). */
const unsentBytesMax = 24 * 1024 * 1024;

/**
 * The byte stream of an `OpenByteStream` call as a Node stream: back-pressure both ways, and an end that is an end. A write is done once it is buffered, up to
 * `unsentBytesMax`: an HTTP/2 session inside would stop to read until it is, and so would its peer (see `EagerWrites`).
 */
export class EdgeByteStream extends Duplex {
  /** Grows with every byte that comes: a sign of life. */
  receivedBytes = 0;
  #unsentBytes = 0;
  #waiting: (() => void) | undefined;
  readonly #call: Call;

  /** `call` has been opened: everything it still receives is data. */
  constructor(call: Call) {
    super({ allowHalfOpen: true, highWaterMark: 256 * 1024 });
    this.#call = call;
    call.on('data', ({ message }: tunnel.OpenByteStreamResponse) => {
      if (message?.$case !== 'data') return;
      const { value } = message;
      this.receivedBytes += value.byteLength;
      if (!this.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength))) call.pause();
    });
    call.on('end', () => this.push(null));
    this.once('end', () => setImmediate(() => this.destroy())); // half-open makes no sense here: the far end is gone
    call.on('error', (error) => this.destroy(error));
    this.on('error', () => undefined); // it may come before anybody listens; `close` follows
  }

  override _read(): void {
    this.#call.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], chunk.length, done);
  }

  override _writev(written: Written[], done: (error?: Error | null) => void): void {
    let bytes = 0;
    const chunks: Buffer[] = [];
    for (const { chunk } of written) {
      chunks.push(chunk);
      bytes += chunk.length;
    }
    this.#send(chunks, bytes, done);
  }

  #send(chunks: readonly Buffer[], bytes: number, done: (error?: Error | null) => void): void {
    const [only] = chunks;
    const joined = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, bytes);
    for (let at = 0; at < joined.length; at += messageBytesMax) {
      const value = joined.subarray(at, at + messageBytesMax);
      this.#unsentBytes += value.length;
      this.#call.write({ message: { $case: 'data', value } }, () => this.#sent(value.length));
    }
    if (this.#unsentBytes <= unsentBytesMax) done();
    else this.#waiting = done;
  }

  #sent(bytes: number): void {
    this.#unsentBytes -= bytes;
    if (this.#unsentBytes > unsentBytesMax) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#call.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#call.cancel();
    done(error);
  }
}
