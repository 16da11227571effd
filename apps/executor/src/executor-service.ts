import { AppService } from '@sallyport/nest-runtime';
import type { SandboxDriver } from '@sallyport/sandbox';
import type { Telemetry } from '@sallyport/telemetry';

import type { Executor } from './application/executor.ts';
import type { ExecutorSignals } from './signals.ts';

/** After that long without a scheduler the process counts as started: it dials on. */
const readyMsMax = 5_000;
/** Of a stop, what is left to destroy sandboxes and to leave once calls have had their time. */
export const closingMs = 3_500;

/** The running executor: sweeps what an earlier process left, then serves the scheduler. */
export class ExecutorService extends AppService {
  readonly #executor: Executor;
  readonly #driver: SandboxDriver;
  readonly #signals: ExecutorSignals;
  readonly #telemetry: Telemetry;
  readonly #report: (problem: string) => void;

  constructor(
    executor: Executor,
    driver: SandboxDriver,
    signals: ExecutorSignals,
    telemetry: Telemetry,
    report: (problem: string) => void,
  ) {
    super();
    this.#executor = executor;
    this.#driver = driver;
    this.#signals = signals;
    this.#telemetry = telemetry;
    this.#report = report;
  }

  /** Rejects with the scheduler's refusal where that is for good. */
  async start(): Promise<void> {
    await this.#sweep();
    const refused = this.#executor.run();
    const timer = new AbortController();
    const refusal = await Promise.race([this.#executor.registeredOnce, refused, elapsed(readyMsMax, timer.signal)]);
    timer.abort();
    if (refusal !== undefined) throw new Error(refusal);
    void refused.then((line) => (line === undefined ? undefined : this.#leave(line)));
  }

  async stop(drainMs: number): Promise<void> {
    await this.#executor.stop(Math.max(0, drainMs - closingMs));
    await this.#telemetry.stop();
  }

  async #sweep(): Promise<void> {
    const leftovers = await this.#driver.list();
    for (const ref of leftovers) await this.#driver.reap(ref);
    this.#signals.leftoversReaped(leftovers.length);
  }

  /** Refused for good after it was started, for example because the environment's key was revoked. */
  async #leave(line: string): Promise<void> {
    this.#report(line);
    await this.stop(0);
    process.exit(1);
  }
}

function elapsed(delayMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), delayMs);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
