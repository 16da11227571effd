import { executor } from '@sallyport/contracts';
import type { GrpcChannel } from '@sallyport/grpc';

import { finalRefusal } from '../../domain/final-refusals.ts';
import type { ExecutorMessage } from '../../domain/protocol-messages.ts';
import { reconnectDelayMs } from '../../domain/reconnect-backoff.ts';
import type { MonotonicClock } from '../../ports/monotonic-clock.ts';
import { type SchedulerEvents, SchedulerLink } from '../../ports/scheduler-link.ts';
import type { ExecutorSignals } from '../../signals.ts';
import { toConnectRequest, toLease } from './executor-messages.ts';
import { protocolVersion } from './scheduler-messages.ts';
import { SchedulerStream } from './scheduler-stream.ts';

/** Who this executor is; what is missing is said by the link. */
export type Registration = Omit<executor.Register, 'protocolMin' | 'protocolMax' | 'held'>;

/** A stream that lived this long was a good one: the next failure is the first again. */
const steadyMs = 15_000;

/** The stream to the scheduler, kept up for ever: dials, registers, and dials again with back-off. */
export class GrpcSchedulerLink extends SchedulerLink {
  readonly #client: executor.ExecutorServiceClient;
  readonly #registration: Registration;
  readonly #clock: MonotonicClock;
  readonly #signals: ExecutorSignals;
  readonly #stopping = new AbortController();
  #stream: SchedulerStream | undefined;

  constructor(channel: GrpcChannel, registration: Registration, clock: MonotonicClock, signals: ExecutorSignals) {
    super();
    this.#client = new executor.ExecutorServiceClient(channel.address, channel.credentials, channel.options);
    this.#registration = registration;
    this.#clock = clock;
    this.#signals = signals;
  }

  async run(events: SchedulerEvents): Promise<string | undefined> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      const beganAtMs = this.#clock.nowMs();
      const stream = this.#open(events);
      this.#stream = stream;
      const end = await stream.over;
      this.#stream = undefined;
      if (end.wasRegistered) {
        this.#signals.disconnected(end.description);
        events.disconnected(end.reason);
      }
      const refusal = finalRefusal(end.reason);
      if (refusal !== undefined) return refusal;
      if (this.#stopping.signal.aborted) break;
      failures = end.wasRegistered && this.#clock.nowMs() - beganAtMs >= steadyMs ? 1 : failures + 1;
      const delayMs = reconnectDelayMs(failures, Math.random());
      this.#signals.notConnected(end.description, delayMs);
      await this.#pause(delayMs);
    }
    return undefined;
  }

  send(message: ExecutorMessage): boolean {
    return this.#stream?.send(toConnectRequest(message)) ?? false;
  }

  cut(reason: string): void {
    this.#stream?.leave(reason);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#stream?.finish(graceMs);
    this.#client.close();
  }

  #open(events: SchedulerEvents): SchedulerStream {
    const sentAtMs = this.#clock.nowMs();
    const register: executor.Register = {
      ...this.#registration,
      protocolMin: protocolVersion,
      protocolMax: protocolVersion,
      held: events.held().map((lease) => toLease(lease)),
    };
    return new SchedulerStream(this.#client.connect(), register, {
      registered: (registered) => {
        this.#signals.registered(registered.environmentId, registered.kept.length);
        events.registered(registered, sentAtMs);
      },
      received: (message) => events.received(message),
      writable: () => events.writable(),
      malformed: (problem) => this.#signals.malformed(problem),
    });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#stopping.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      this.#stopping.signal.addEventListener('abort', done);
    });
  }
}
