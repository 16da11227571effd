import { readdirSync } from 'node:fs';
import { postgresPids } from '../harness/postgres-pids.ts';
import { openSuiteDatabase } from '../harness/suite-database.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { callRequest } from './bench-messages.ts';
import { type BenchUpstream, startBenchUpstream } from './bench-upstream.ts';
import { IdleStreams } from './idle-streams.ts';
import { closedLoop, openLoop } from './load.ts';
import { machine, type Machine } from './machine.ts';
import { type ProcessGroups, residentMib } from './process-usage.ts';
import { RuntimeCollector } from './runtime-collector.ts';

export interface LoadPlan {
  readonly minutes: number;
  readonly streams: number;
  /** Of the measured maximum. */
  readonly share: number;
}

/** What one slice of the load was, and how everything stood after it. */
export interface LoadSample {
  readonly atS: number;
  readonly callsPerS: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentMib: Readonly<Record<string, number>>;
  readonly descriptors: Readonly<Record<string, number>>;
  /** The worst second's 99th percentile, by service. */
  readonly eventLoopDelayMs: Readonly<Record<string, number>>;
  readonly databaseMib: number;
  /** What the database grew by, for each call of the slice. */
  readonly databaseKibPerCall: number;
  /** Time in statements per commit. */
  readonly statementMs: number;
}

export interface LoadReport {
  readonly machine: Machine;
  readonly plan: LoadPlan;
  readonly maximumPerS: number;
  readonly targetPerS: number;
  readonly streamsLost: number;
  readonly samples: readonly LoadSample[];
}

const warmUpS = 15;
const maximumS = 30;
const sliceS = 30;
const concurrency = 32;

/** Boots everything, loads it for the time of the plan, and leaves nothing behind. */
export async function runLoadBench(plan: LoadPlan, note: (text: string) => void): Promise<LoadReport> {
  const upstream = await startBenchUpstream();
  const collector = await RuntimeCollector.start();
  note('starting the suite');
  const suite = await startSuite({ args: [], env: collector.environment() });
  const tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  process.kill(suite.ready.pid, 'SIGSTOP'); // its live tail is no part of what is measured
  try {
    return await measure(plan, { suite, tunnel, upstream, collector }, note);
  } finally {
    process.kill(suite.ready.pid, 'SIGCONT');
    await tunnel.stop();
    await suite.dispose();
    await collector.stop();
    upstream.stop();
  }
}

interface Running {
  readonly suite: Suite;
  readonly tunnel: TestTunnel;
  readonly upstream: BenchUpstream;
  readonly collector: RuntimeCollector;
}

async function measure(plan: LoadPlan, running: Running, note: (text: string) => void): Promise<LoadReport> {
  const { suite, tunnel, collector } = running;
  const url = new URL(tunnel.mcpUrl);
  const destination = { port: Number(url.port), path: url.pathname, apiKey: tunnel.apiKey };
  const target = { port: destination.port, request: callRequest(destination) };
  note('warming up');
  await closedLoop(target, concurrency, warmUpS);
  note(`as many calls as possible for ${maximumS} s`);
  const { callsPerS: maximumPerS } = await closedLoop(target, concurrency, maximumS);
  const targetPerS = Math.floor(maximumPerS * plan.share);
  note(`opening ${plan.streams} idle streams`);
  const streams = await IdleStreams.open(plan.streams, destination);
  const database = openSuiteDatabase(suite.ready.dataDir);
  const samples: LoadSample[] = [];
  const groups = groupsOf(running);
  collector.worstDelayMs();
  let before = await databaseState(database);
  const slices = Math.max(1, Math.round((plan.minutes * 60) / sliceS));
  for (let slice = 1; slice <= slices; slice += 1) {
    const load = await openLoop(target, targetPerS, sliceS);
    const now = await databaseState(database);
    const sample: LoadSample = {
      atS: slice * sliceS,
      callsPerS: load.callsPerS,
      refused: load.refused,
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      residentMib: residentMib(groups),
      descriptors: descriptorsOf(groups),
      eventLoopDelayMs: collector.worstDelayMs(),
      databaseMib: now.bytes / 2 ** 20,
      databaseKibPerCall: (now.bytes - before.bytes) / 1_024 / Math.max(1, load.calls),
      statementMs: (now.activeMs - before.activeMs) / Math.max(1, now.commits - before.commits),
    };
    before = now;
    samples.push(sample);
    note(
      `${slice} of ${slices}: ${Math.round(sample.callsPerS)} calls/s, p99 ${sample.p99Ms.toFixed(0)} ms, router ${Math.round(sample.residentMib['router'] ?? 0)} MiB`,
    );
  }
  const streamsLost = streams.lost;
  streams.close();
  await database.end();
  return { machine: machine(), plan, maximumPerS, targetPerS, streamsLost, samples };
}

interface DatabaseState {
  readonly bytes: number;
  readonly activeMs: number;
  readonly commits: number;
}

async function databaseState(database: ReturnType<typeof openSuiteDatabase>): Promise<DatabaseState> {
  const { rows } = await database.query<{ bytes: string; active: number; commits: string }>(
    `select pg_database_size(datname) as bytes, active_time as active, xact_commit as commits
      from pg_stat_database where datname = current_database()`,
  );
  const [row] = rows;
  return { bytes: Number(row?.bytes), activeMs: Number(row?.active), commits: Number(row?.commits) };
}

function groupsOf({ suite, tunnel, upstream }: Running): ProcessGroups {
  const service = (name: string) => () => [suite.pidOf(name)];
  return {
    router: service('router'),
    edge: service('edge'),
    connector: () => [tunnel.connector.pid ?? 0],
    control: service('control'),
    audit: service('audit'),
    postgres: () => postgresPids(suite.ready.dataDir),
    upstream: () => [upstream.pid],
  };
}

function descriptorsOf(groups: ProcessGroups): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, pids]) => [name, pids().reduce((sum, pid) => sum + openFiles(pid), 0)]),
  );
}

function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // it has ended meanwhile
  }
}
