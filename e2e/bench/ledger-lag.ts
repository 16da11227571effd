import { call, callIdOf } from '../harness/mcp.ts';
import type { Suite } from '../harness/suite.ts';
import type { TestTunnel } from '../harness/tunnel.ts';

const everyMs = 500;
/** Each look is itself recorded: reads of the ledger are events too. */
const lookEveryMs = 100;
/** A lag beyond it is reported as this. */
const lagMsMax = 60_000;
const eventsOfCall = 4;

/** Makes a call now and then, and measures from its answer until its last event stands in the ledger. */
export class LedgerLag {
  readonly #suite: Suite;
  readonly #tunnel: TestTunnel;
  readonly #samplesMs: number[] = [];
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(suite: Suite, tunnel: TestTunnel) {
    this.#suite = suite;
    this.#tunnel = tunnel;
    // What goes wrong is told by `stop`, not by an end of the process with everything still running.
    this.#running = this.#run().catch((error: unknown) => error);
  }

  /** Lags in ms, once every call made so far has been found. */
  async stop(): Promise<readonly number[]> {
    this.#stopped = true;
    const failure = await this.#running;
    if (failure !== undefined) throw failure;
    return this.#samplesMs;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const lagMs = await this.#sample();
      if (lagMs !== undefined) this.#samplesMs.push(lagMs);
      await sleep(everyMs);
    }
  }

  /** Undefined: the call was refused, which the load itself counts. */
  async #sample(): Promise<number | undefined> {
    const { mcpUrl, apiKey } = this.#tunnel;
    const sent = await call(mcpUrl, apiKey, 'echo');
    if (sent.status !== 200) return undefined;
    const answeredMs = performance.now();
    for (;;) {
      const { status, body } = await this.#suite.control(
        'GET',
        `/v1/audit/calls/${callIdOf(sent)}`,
        this.#suite.operatorKey,
      );
      const lagMs = performance.now() - answeredMs;
      if (lagMs >= lagMsMax || (status === 200 && (body as { data: unknown[] }).data.length >= eventsOfCall))
        return lagMs;
      await sleep(lookEveryMs);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
