import { setTimeout as sleep } from 'node:timers/promises';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { commandOnce, SteadyLoad } from './steady-load.ts';

export interface Lanes {
  readonly tunnel: number;
  readonly sandboxes: number;
}

/** Of the tunnel and of the sandboxes, in whole ms. */
export type Recovery = readonly [number, number];

export interface BothVerdicts {
  readonly wrong: readonly string[];
  /** For the report. */
  readonly figures: Readonly<Record<string, unknown>>;
}

const recoverMsMax = 120_000;
/** Calls that were on their way when the fault ended are one round: the other, and one call more, began after it. */
const roundsMin = 2;

/** A suite with a tunnel of its own in front of a private server that counts. */
export class BothHalves {
  readonly suite: Suite;
  readonly upstream: CountingUpstream;
  readonly tunnel: TestTunnel;

  private constructor(suite: Suite, upstream: CountingUpstream, tunnel: TestTunnel) {
    this.suite = suite;
    this.upstream = upstream;
    this.tunnel = tunnel;
  }

  /** `brokers`: of the event log; undefined: PostgreSQL holds it. */
  static async start(brokers?: string): Promise<BothHalves> {
    const suite = await startSuite({ args: brokers === undefined ? [] : ['--kafka', brokers] });
    const upstream = await CountingUpstream.start();
    try {
      return new BothHalves(suite, upstream, await startTunnel(suite, { upstreamPort: upstream.port }));
    } catch (error) {
      await upstream.stop();
      await suite.dispose();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.tunnel.stop();
    await this.upstream.stop();
    await this.suite.dispose();
  }

  /** Calls through the tunnel and commands in sandboxes. `routerHost`: by which host agents come to the router, if not by its own. */
  load(lanes: Lanes, routerHost?: string): LoadOfBoth {
    const { ready } = this.suite;
    if (ready.sandboxProblem !== null || ready.sessionMcpUrl === null)
      throw new Error(`no sandboxes here: ${ready.sandboxProblem}`);
    const at = (url: string) => {
      const there = new URL(url);
      if (routerHost !== undefined) there.hostname = routerHost;
      return there.href;
    };
    const agents = new SteadyLoad(
      { url: at(this.tunnel.mcpUrl), key: this.tunnel.apiKey, tool: 'echo', argumentsOf: () => ({}) },
      lanes.tunnel,
    );
    const sessions = new SteadyLoad(
      { url: at(ready.sessionMcpUrl), key: ready.apiKey, tool: 'bash', argumentsOf: commandOnce },
      lanes.sandboxes,
    );
    return new LoadOfBoth(this, lanes, agents, sessions);
  }
}

/** A steady load on both halves. */
export class LoadOfBoth {
  readonly agents: SteadyLoad;
  readonly sessions: SteadyLoad;
  readonly #halves: BothHalves;
  readonly #lanes: Lanes;

  constructor(halves: BothHalves, lanes: Lanes, agents: SteadyLoad, sessions: SteadyLoad) {
    this.#halves = halves;
    this.#lanes = lanes;
    this.agents = agents;
    this.sessions = sessions;
  }

  /** The times from `sinceMs` until calls of each half that began after now have succeeded. Rejects after 120 s. */
  workAgain(sinceMs = performance.now()): Promise<Recovery> {
    const { tunnel, sandboxes } = this.#lanes;
    return Promise.all([
      succeedAgain(this.agents, roundsMin * tunnel + 1, sinceMs, 'tunnel'),
      succeedAgain(this.sessions, roundsMin * sandboxes + 1, sinceMs, 'sandboxes'),
    ]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.agents.stop(), this.sessions.stop()]);
  }

  /** Of all calls, once the load was stopped: see `verdictsOf`. */
  async verdicts(): Promise<BothVerdicts> {
    const { suite, upstream } = this.#halves;
    const tunnelled = await verdictsOf(suite, this.agents, upstream);
    const sandboxed = await verdictsOf(suite, this.sessions);
    return {
      wrong: [...tunnelled.wrong, ...sandboxed.wrong],
      figures: {
        slowestMs: [Math.round(this.agents.slowestMs), Math.round(this.sessions.slowestMs)],
        tunnelled: tunnelled.ends,
        sandboxed: sandboxed.ends,
      },
    };
  }
}

async function succeedAgain(load: SteadyLoad, calls: number, sinceMs: number, half: string): Promise<number> {
  const wanted = load.succeeded + calls;
  while (performance.now() - sinceMs < recoverMsMax) {
    await sleep(20);
    if (load.succeeded >= wanted) return Math.round(performance.now() - sinceMs);
  }
  throw new Error(`calls of the ${half} do not work again within ${recoverMsMax / 1_000} s`);
}
