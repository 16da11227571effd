import type { HeaderPair } from '@sallyport/connector-wire';
import { errors, type Dispatcher } from 'undici';

import type { Exchange, ExchangeRefusal } from './exchange.ts';
import { OriginUnreachable } from './origin-dialer.ts';

export type OriginOutcome = 'completed' | 'cancelled' | ExchangeRefusal;

/** One request at a service: its answer is passed back as it arrives, its back-pressure and its end in both directions. */
export class OriginCall implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #keepHeaders: (headers: readonly HeaderPair[]) => HeaderPair[];
  readonly #ended: (outcome: OriginOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #waiting = false;
  #over = false;

  constructor(
    exchange: Exchange,
    keepHeaders: (headers: readonly HeaderPair[]) => HeaderPair[],
    ended: (outcome: OriginOutcome) => void,
  ) {
    this.#exchange = exchange;
    this.#keepHeaders = keepHeaders;
    this.#ended = ended;
    exchange.onAbort(() => this.#finish('cancelled'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new OriginUnreachable('upstream_closed'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx answers are of one connection (spec §3.2).
    if (status < 200 || this.#over) return;
    const raw = pairsOf(controller.rawHeaders);
    const hasTrailers = raw.some(([name]) => name.toLowerCase() === 'trailer');
    const refusal = this.#exchange.respond(status, this.#keepHeaders(raw), hasTrailers);
    if (refusal !== undefined) return this.#refuse(refusal);
    this.#exchange.onDrain(() => {
      if (!this.#waiting) return;
      this.#waiting = false;
      controller.resume();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over || this.#exchange.write(chunk)) return;
    this.#waiting = true;
    controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    this.#over = true;
    this.#exchange.end(this.#keepHeaders(pairsOf(controller.rawTrailers)));
    this.#ended('completed');
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#refuse(refusalOf(error));
  }

  #refuse(refusal: ExchangeRefusal): void {
    if (this.#over) return;
    this.#exchange.refuse(refusal);
    this.#finish(refusal);
  }

  #finish(outcome: OriginOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new OriginUnreachable('upstream_closed'));
    this.#ended(outcome);
  }
}

function refusalOf(error: Error): ExchangeRefusal {
  if (error instanceof OriginUnreachable) return error.refusal;
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.RequestContentLengthMismatchError) {
    return 'request_malformed';
  }
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError)
    return 'upstream_malformed';
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.ConnectTimeoutError)
    return 'upstream_timeout';
  return 'upstream_closed';
}

function pairsOf(raw: Dispatcher.DispatchController['rawHeaders']): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  if (!Array.isArray(raw)) return pairs;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([latin1(raw[index]), latin1(raw[index + 1])]);
  }
  return pairs;
}

function latin1(text: Buffer | string | undefined): string {
  return typeof text === 'string' ? text : (text?.toString('latin1') ?? '');
}
