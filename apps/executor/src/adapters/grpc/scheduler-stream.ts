import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import type { executor } from '@sallyport/contracts';
import { reasonOf } from '@sallyport/grpc';

import type { Registered, SchedulerMessage } from '../../domain/protocol-messages.ts';
import { parseSchedulerMessage } from './scheduler-messages.ts';

export type SchedulerCall = ClientDuplexStream<executor.ConnectRequest, executor.ConnectResponse>;

/** How a stream ended. */
export interface StreamEnd {
  /** For the log. */
  readonly description: string;
  /** The scheduler's stable code, if it gave one. */
  readonly reason: string | undefined;
  readonly wasRegistered: boolean;
}

export interface StreamEvents {
  registered(registered: Registered): void;
  received(message: Exclude<SchedulerMessage, { readonly type: 'registered' }>): void;
  writable(): void;
  malformed(problem: string): void;
}

/** From the dialling to `registered`. */
const registerMsMax = 10_000;

/** One stream to the scheduler, from `register` to its end. */
export class SchedulerStream {
  /** Resolves once the stream is over; nothing is heard of it then. */
  readonly over: Promise<StreamEnd>;
  readonly #call: SchedulerCall;
  readonly #events: StreamEvents;
  readonly #registerTimer: NodeJS.Timeout;
  #finish: (end: StreamEnd) => void = () => undefined;
  #isRegistered = false;
  #isOver = false;
  #isEnded = false;
  #isFull = false;

  constructor(call: SchedulerCall, register: executor.Register, events: StreamEvents) {
    this.#call = call;
    this.#events = events;
    this.over = new Promise((resolve) => (this.#finish = resolve));
    this.#registerTimer = setTimeout(() => this.leave('the scheduler did not answer the registration'), registerMsMax);
    call.on('data', (response: executor.ConnectResponse) => this.#receive(response));
    call.on('error', (error: ServiceError) =>
      this.#end(`${status[error.code] ?? String(error.code)}: ${error.details}`, reasonOf(error)),
    );
    call.on('end', () => this.#end('the scheduler ended the stream'));
    call.on('drain', () => {
      this.#isFull = false;
      if (!this.#isOver) this.#events.writable();
    });
    call.write({ message: { $case: 'register', value: register } });
  }

  /** False where the stream is full or over. */
  send(request: executor.ConnectRequest): boolean {
    if (this.#isOver || this.#isEnded || !this.#isRegistered) return false;
    if (!this.#call.write(request)) this.#isFull = true;
    return !this.#isFull;
  }

  leave(description: string): void {
    this.#end(description);
    this.#call.cancel();
  }

  /** Says that nothing more comes, and waits for the scheduler to end the stream. */
  async finish(graceMs: number): Promise<void> {
    if (this.#isOver) return;
    this.#isEnded = true;
    this.#call.end();
    const timer = setTimeout(() => this.leave('the executor stops'), graceMs);
    await this.over;
    clearTimeout(timer);
  }

  #receive(response: executor.ConnectResponse): void {
    if (this.#isOver) return;
    const parsed = parseSchedulerMessage(response);
    if (!parsed.ok) return this.#malformed(parsed.reason);
    const message = parsed.value;
    // `registered` comes first, and once.
    if ((message.type === 'registered') === this.#isRegistered) return this.#malformed(message.type);
    if (message.type !== 'registered') return this.#events.received(message);
    clearTimeout(this.#registerTimer);
    this.#isRegistered = true;
    this.#events.registered(message.registered);
  }

  #malformed(problem: string): void {
    this.#events.malformed(problem);
    this.leave(`malformed message: ${problem}`);
  }

  #end(description: string, reason?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#registerTimer);
    this.#finish({ description, reason, wasRegistered: this.#isRegistered });
  }
}
