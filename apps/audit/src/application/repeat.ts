/** Runs a task again and again, one at a time, at least every `everyMs` and at once when `hurry` is called. A failed run is retried at the next. */
export class Repeat {
  readonly #task: () => Promise<unknown>;
  readonly #everyMs: number;
  readonly #onError: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #stopped = false;
  #hurried = false;
  #wake: (() => void) | undefined;

  constructor(task: () => Promise<unknown>, everyMs: number, onError: (error: unknown) => void) {
    this.#task = task;
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  hurry(): void {
    this.#hurried = true;
    this.#wake?.();
  }

  /** Lets a run under way finish. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#hurried = false;
      try {
        await this.#task();
      } catch (error) {
        this.#onError(error);
      }
      if (!this.#stopped && !this.#hurried) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), this.#everyMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
