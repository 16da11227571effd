import { connect, type Socket } from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');
const statusAt = 'HTTP/1.1 '.length;

/**
 * One kept connection that carries one request after the other. Bytes in, bytes out: a generator that parsed and built messages would cost as much
 * as what it measures, on the same two cores.
 */
export class HttpLane {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #answer: Buffer | undefined;
  #isClosed = false;
  #settle: ((status: number) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail?.(error));
    // A request in the last moment of a connection is one in the middle of its answer.
    socket.on('end', () => (this.#isClosed = true));
    socket.on('close', () => {
      this.#isClosed = true;
      this.#fail?.(new Error('the connection was closed in the middle of an answer'));
    });
  }

  static open(port: number, request: Buffer): Promise<HttpLane> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpLane(socket, request));
      });
    });
  }

  /** False once the server has closed it: a connection that nobody uses is not kept for ever. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** Sends the request and resolves with the status once the answer is whole. */
  send(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error('the connection was closed before the request'));
      this.#settle = resolve;
      this.#fail = reject;
      this.#socket.write(this.#request);
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const answer = this.#answer === undefined ? chunk : Buffer.concat([this.#answer, chunk]);
    const headBytes = answer.indexOf(headEnd);
    if (headBytes < 0) return void (this.#answer = answer);
    if (!isWhole(answer, headBytes)) return void (this.#answer = answer);
    this.#answer = undefined;
    this.#settle?.(Number(answer.toString('latin1', statusAt, statusAt + 3)));
  }
}

/** Nothing follows an answer before the next request: one in chunks is whole when it ends with the last chunk. */
function isWhole(answer: Buffer, headBytes: number): boolean {
  const head = answer.toString('latin1', 0, headBytes);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return answer.subarray(-lastChunk.length).equals(lastChunk);
  return answer.length >= headBytes + headEnd.length + Number(length);
}
