import type { ClientReadableStream } from '@grpc/grpc-js';
import { route as wire } from '@sallyport/contracts';
import type { GrpcChannel } from '@sallyport/grpc';
import { fail, type Result } from '@sallyport/result';
import type { Logger } from '@sallyport/telemetry';
import { AnswerCache } from './answer-cache.ts';

/** Control sends a sign of life every second. */
const trustMs = 5_000;
const reconnectMs = 250;

/** The connection to control, and the watch of its revision: what was asked is remembered for as long as control confirms that nothing has changed. */
export class ControlClient {
  readonly routes: wire.RouteServiceClient;
  readonly log: Logger;
  readonly #caches: AnswerCache<unknown, unknown>[] = [];
  #watch: ClientReadableStream<wire.WatchRevisionResponse> | undefined;
  #stopped = false;

  constructor(channel: GrpcChannel, log: Logger) {
    this.routes = new wire.RouteServiceClient(channel.address, channel.credentials, channel.options);
    this.log = log;
  }

  start(): Promise<void> {
    this.#listen();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#watch?.cancel();
    this.routes.close();
    return Promise.resolve();
  }

  /** Before `start`. */
  remembered<Value, Refusal>(): RememberedAnswers<Value, Refusal> {
    const cache = new AnswerCache<Value, Refusal>();
    this.#caches.push(cache);
    return new RememberedAnswers(cache, this.log);
  }

  #listen(): void {
    const watch = this.routes.watchRevision({});
    this.#watch = watch;
    watch.on('data', ({ revision }: wire.WatchRevisionResponse) => {
      const untilMs = performance.now() + trustMs;
      for (const cache of this.#caches) cache.trust(revision, untilMs);
    });
    let ended = false;
    const again = () => {
      if (ended || this.#stopped) return;
      ended = true;
      setTimeout(() => this.#listen(), reconnectMs).unref();
    };
    watch.on('error', again);
    watch.on('end', again);
  }
}

/** Answers of control to one kind of question; the same question is asked once at a time. */
export class RememberedAnswers<Value, Refusal> {
  readonly #cache: AnswerCache<Value, Refusal>;
  readonly #log: Logger;
  readonly #asking = new Map<string, Promise<Result<Value, Refusal | 'control_unavailable'>>>();

  constructor(cache: AnswerCache<Value, Refusal>, log: Logger) {
    this.#cache = cache;
    this.#log = log;
  }

  /** `ask` gives undefined for an answer that is not understood. */
  get(
    key: string,
    ask: () => Promise<{ readonly revision: bigint; readonly answer: Result<Value, Refusal> | undefined }>,
  ): Promise<Result<Value, Refusal | 'control_unavailable'>> {
    const cached = this.#cache.get(key, performance.now());
    if (cached !== undefined) return Promise.resolve(cached);
    const asking = this.#asking.get(key) ?? this.#ask(key, ask).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(
    key: string,
    ask: () => Promise<{ readonly revision: bigint; readonly answer: Result<Value, Refusal> | undefined }>,
  ): Promise<Result<Value, Refusal | 'control_unavailable'>> {
    try {
      const { revision, answer } = await ask();
      if (answer === undefined) return fail('control_unavailable');
      this.#cache.put(key, answer, revision);
      return answer;
    } catch (error) {
      this.#log.warn({ err: error }, 'control could not be asked who calls');
      return fail('control_unavailable');
    }
  }
}
