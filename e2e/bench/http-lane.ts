import { connect, type Socket } from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');
const statusAt = 'HTTP/1.1 '.length;

/**
 * One kept connection that carries one request after the other. Bytes in, bytes out: a generator that parsed and built messages would cost as much
 * as what it measures, on the same two cores.
 */
export class HttpLane {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #answer: Buffer | undefined;
  #settle: ((status: number) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail?.(error));
    socket.on('close', () => this.#fail?.(new Error('the connection was closed in the middle of an answer')));
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

  /** Sends the request and resolves with the status once the answer is whole. */
  send(): Promise<number> {
    return new Promise((resolve, reject) => {
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
    const length = /\r\ncontent-length: *(\d+)/i.exec(answer.toString('latin1', 0, headBytes))?.[1];
    if (length === undefined) return this.#fail?.(new Error('an answer without a content length'));
    if (answer.length < headBytes + headEnd.length + Number(length)) return void (this.#answer = answer);
    this.#answer = undefined;
    this.#settle?.(Number(answer.toString('latin1', statusAt, statusAt + 3)));
  }
}
