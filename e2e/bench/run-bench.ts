import { postgresPids } from '../harness/postgres-pids.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { callRequest } from './bench-messages.ts';
import type { BenchOptions, BenchPlan } from './bench-options.ts';
import { type BenchUpstream, startBenchUpstream } from './bench-upstream.ts';
import { LedgerLag } from './ledger-lag.ts';
import { closedLoop, type LoadResult, openLoop, type Target } from './load.ts';
import { machine, type Machine } from './machine.ts';
import { cpuBetween, cpuMs, type ProcessGroups, residentMib } from './process-usage.ts';
import { startUnauditedRouter, type UnauditedRouter } from './start-unaudited-router.ts';

export const concurrencies = [1, 32] as const;
export type Concurrency = (typeof concurrencies)[number];
export const targetNames = ['direct', 'unaudited', 'audited'] as const;
export type TargetName = (typeof targetNames)[number];
type Targets = Readonly<Record<TargetName, Target>>;

/** One slice of one round. `cpuMs`: what each process used in it. */
export interface Slice extends LoadResult {
  readonly round: number;
  readonly target: TargetName;
  readonly concurrency: Concurrency;
  readonly cpuMs: Readonly<Record<string, number>>;
}

export interface LoadedRun extends LoadResult {
  readonly durationS: number;
  readonly lagsMs: readonly number[];
}

export interface BenchReport {
  readonly machine: Machine;
  readonly plan: BenchPlan;
  readonly eventLog: 'postgres' | 'kafka';
  readonly tail: boolean;
  readonly slices: readonly Slice[];
  readonly fullLoad: LoadedRun;
  readonly sustained: LoadedRun;
  /** After the loads, in MiB. */
  readonly residentMib: Readonly<Record<string, number>>;
}

const sustainedPerS = 1_000;
const fullLoadConcurrency = 32;

/** Boots everything, measures, and leaves nothing behind. */
export async function runBench(options: BenchOptions, note: (text: string) => void): Promise<BenchReport> {
  const upstream = await startBenchUpstream();
  try {
    note('starting the suite');
    const suite = await startSuite({ args: options.suiteArgs });
    try {
      const tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
      const unaudited = await startUnauditedRouter(suite.pidOf('router'));
      const resume = options.tail ? () => undefined : holdSupervisor(suite);
      try {
        return await measure(options, { suite, tunnel, upstream, unaudited }, note);
      } finally {
        resume();
        unaudited.stop();
        await tunnel.stop();
      }
    } finally {
      await suite.dispose();
    }
  } finally {
    upstream.stop();
  }
}

/**
 * The suite's supervisor prints every event that enters the ledger: thousands of lines a second here, each of which audit, control, the supervisor and
 * whoever reads them pay for. No cluster has that; a stopped supervisor lets the stream fall behind, and audit then ends it.
 */
function holdSupervisor({ ready }: Suite): () => void {
  const resume = () => process.kill(ready.pid, 'SIGCONT');
  const interrupted = () => {
    resume();
    process.kill(ready.pid, 'SIGINT');
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);
  process.kill(ready.pid, 'SIGSTOP');
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupted);
    resume();
  };
}

interface Running {
  readonly suite: Suite;
  readonly tunnel: TestTunnel;
  readonly upstream: BenchUpstream;
  readonly unaudited: UnauditedRouter;
}

async function measure(
  { plan, suiteArgs, tail }: BenchOptions,
  running: Running,
  note: (text: string) => void,
): Promise<BenchReport> {
  const targets = targetsOf(running);
  const groups = groupsOf(running);
  note('warming up');
  for (const name of targetNames) await closedLoop(targets[name], fullLoadConcurrency, plan.warmUpS);
  const slices: Slice[] = [];
  for (let round = 1; round <= plan.rounds; round += 1) {
    note(`round ${round} of ${plan.rounds}`);
    for (const concurrency of concurrencies) {
      for (const target of targetNames) {
        const before = cpuMs(groups);
        const load = await closedLoop(targets[target], concurrency, plan.sliceS);
        if (load.refused > 0) note(`${load.refused} ${target} requests were refused: the machine is overloaded`);
        slices.push({ round, target, concurrency, ...load, cpuMs: cpuBetween(before, cpuMs(groups)) });
      }
    }
  }
  note(`as many calls as possible for ${plan.fullLoadS} s`);
  const fullLoad = await withLag(running, plan.fullLoadS, () =>
    closedLoop(targets.audited, fullLoadConcurrency, plan.fullLoadS),
  );
  note(`${sustainedPerS} calls a second for ${plan.sustainedS} s`);
  const sustained = await withLag(running, plan.sustainedS, () =>
    openLoop(targets.audited, sustainedPerS, plan.sustainedS),
  );
  return {
    machine: machine(),
    plan,
    eventLog: suiteArgs.length > 0 ? 'kafka' : 'postgres',
    tail,
    slices,
    fullLoad,
    sustained,
    residentMib: residentMib(groups),
  };
}

async function withLag(
  { suite, tunnel }: Running,
  durationS: number,
  load: () => Promise<LoadResult>,
): Promise<LoadedRun> {
  const lag = new LedgerLag(suite, tunnel);
  try {
    const result = await load();
    return { ...result, durationS, lagsMs: await lag.stop() };
  } finally {
    await lag.stop();
  }
}

function targetsOf({ tunnel, upstream, unaudited }: Running): Targets {
  const url = new URL(tunnel.mcpUrl);
  const routed = { port: Number(url.port), path: url.pathname, apiKey: tunnel.apiKey };
  const direct = { port: upstream.port, path: '/mcp', apiKey: tunnel.apiKey };
  return {
    direct: { port: direct.port, request: callRequest(direct) },
    unaudited: { port: unaudited.port, request: callRequest({ ...routed, port: unaudited.port }) },
    audited: { port: routed.port, request: callRequest(routed) },
  };
}

function groupsOf({ suite, tunnel, upstream, unaudited }: Running): ProcessGroups {
  const service = (name: string) => () => [suite.pidOf(name)];
  return {
    router: service('router'),
    'router without audit': () => [unaudited.pid],
    edge: service('edge'),
    connector: () => [tunnel.connector.pid ?? 0],
    control: service('control'),
    audit: service('audit'),
    postgres: () => postgresPids(suite.ready.dataDir),
    supervisor: () => [suite.ready.pid],
    upstream: () => [upstream.pid],
    generator: () => [process.pid],
  };
}
