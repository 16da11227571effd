/** npm passes a terminal's Ctrl-C on, so one press arrives twice; a second press comes later than this. */
const samePressMs = 1_000;

/** Ctrl-C, SIGTERM and a closed terminal: the first one asks for an orderly end, a later one for an end at once. */
export class Interruption {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onSecond: () => void;
  #firstAtMs: number | undefined;

  constructor(onSecond: () => void) {
    this.signal = this.#controller.signal;
    this.#onSecond = onSecond;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => this.interrupt());
    // A reader that went away, as in `npm start | head`.
    process.stdout.on('error', () => this.#controller.abort());
  }

  interrupt(): void {
    const nowMs = Date.now();
    if (this.#firstAtMs === undefined) {
      this.#firstAtMs = nowMs;
      this.#controller.abort();
    } else if (nowMs - this.#firstAtMs >= samePressMs) this.#onSecond();
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
