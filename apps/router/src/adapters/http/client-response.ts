import type { ServerResponse } from 'node:http';
import { type GatewayErrorInput, gatewayError } from '@sallyport/mcp-wire';
import type { HeaderPairs } from '../../ports/upstreams.ts';

const keepAliveEveryMs = 15_000;
const keepAliveComment = Buffer.from(': keep-alive\n\n');
/** A client that takes nothing for so long is given up: it would hold its place for good. */
const stalledMsMaxDefault = 120_000;
const retryAfter: Readonly<Record<number, string>> = { 429: '1', 503: '2' };

/** The client's end of a relayed request. */
export class ClientResponse {
  readonly #response: ServerResponse;
  readonly #stalledMsMax: number;
  #callId: string | undefined;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, stalledMsMax = stalledMsMaxDefault) {
    this.#response = response;
    this.#stalledMsMax = stalledMsMax;
  }

  /** Every answer from now on names the call. */
  nameCall(callId: string): void {
    this.#callId = callId;
  }

  get isOfCall(): boolean {
    return this.#callId !== undefined;
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  /** Nothing can be written any more: the client went away, or its answer has ended. */
  get gone(): boolean {
    return this.#response.destroyed || this.#response.closed || this.#response.writableEnded;
  }

  /** What was written has not left yet. */
  get isSlow(): boolean {
    return this.#response.writableNeedDrain;
  }

  /** `listener` is called once, when the client goes away before its answer has ended; at once where it has gone already. */
  onGone(listener: () => void): void {
    const told = () => {
      if (!this.#response.writableFinished) listener();
    };
    if (this.#response.closed || this.#response.destroyed) told();
    else this.#response.once('close', told);
  }

  /** The upstream's status and headers as they are, but for the names that are ours; `bodyBytes` replaces its content length. */
  head(status: number, headers: HeaderPairs, bodyBytes?: number): void {
    if (this.gone) return;
    const flat: string[] = [];
    for (const [name, value] of headers) {
      if (name.startsWith('sallyport-') || (bodyBytes !== undefined && name === 'content-length')) continue;
      flat.push(name, value);
    }
    if (bodyBytes !== undefined) flat.push('content-length', String(bodyBytes));
    if (this.#callId !== undefined) flat.push('sallyport-call-id', this.#callId);
    this.#response.writeHead(status, flat);
  }

  /** For an event stream: the client must see the head before the first event. */
  flushHead(): void {
    if (!this.gone) this.#response.flushHeaders();
  }

  /** False where the client is slow: wait for `drained`. */
  write(chunk: Uint8Array): boolean {
    return this.gone || chunk.length === 0 || this.#response.write(chunk);
  }

  /** Resolves when the client has taken what was written, or is given up. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.gone || !this.#response.writableNeedDrain) return resolve();
      const stalled = setTimeout(() => this.cut(), this.#stalledMsMax);
      const done = () => {
        clearTimeout(stalled);
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.once('drain', done);
      this.#response.once('close', done);
    });
  }

  end(chunk?: Uint8Array): void {
    this.stopKeepAlive();
    if (this.gone) return;
    if (chunk === undefined) this.#response.end();
    else this.#response.end(chunk);
  }

  /** The client must notice that the answer is not whole. An answer that has ended is left alone. */
  cut(): void {
    this.stopKeepAlive();
    if (!this.#response.writableEnded) this.#response.destroy();
  }

  /** An error of the gateway itself; where the response has begun, the connection is cut instead. */
  error(input: GatewayErrorInput, headers: Readonly<Record<string, string>> = {}): void {
    if (this.headSent) return this.cut();
    const { httpStatus, body } = gatewayError(input);
    const wait = retryAfter[httpStatus];
    const pairs: [string, string][] = [['content-type', 'application/json'], ...Object.entries(headers)];
    if (wait !== undefined) pairs.push(['retry-after', wait]);
    this.head(httpStatus, pairs, body.length);
    this.end(body);
  }

  /** A comment now and then on a stream that is silent between two events: balancers cut what is silent. */
  keepAlive(isBetweenEvents: () => boolean): void {
    this.#keepAlive = setInterval(() => {
      if (isBetweenEvents() && !this.#response.writableNeedDrain) this.write(keepAliveComment);
    }, keepAliveEveryMs).unref();
  }

  stopKeepAlive(): void {
    clearInterval(this.#keepAlive);
  }
}
