import { Duplex } from 'node:stream';

interface Written {
  readonly chunk: Buffer;
}

/**
 * A socket whose writes count as done once they are buffered. Node's HTTP/2 stops to read a connection while a write on it has not finished (its answer to
 * floods, CVE-2019-9511 and -9517): two such peers that send more than the sockets between them hold wait for each other for ever. One of the two behind
 * this class reads on, so neither waits. What is buffered is what the peer's window allows, and at most `unsentBytesMax`: then a write waits as usual.
 */
export class EagerWrites extends Duplex {
  readonly #socket: Duplex;
  readonly #unsentBytesMax: number;

  constructor(socket: Duplex, unsentBytesMax: number) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#unsentBytesMax = unsentBytesMax;
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk);
    this.#buffered(done);
  }

  override _writev(written: Written[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (const { chunk } of written) this.#socket.write(chunk);
    this.#socket.uncork();
    this.#buffered(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #buffered(done: () => void): void {
    if (this.#socket.writableLength <= this.#unsentBytesMax || this.#socket.destroyed) done();
    else this.#socket.once('drain', done);
  }
}
