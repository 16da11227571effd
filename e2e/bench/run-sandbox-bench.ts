import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { postgresPids } from '../harness/postgres-pids.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { callInSessions, DemoSessions } from './demo-sessions.ts';
import { machine, type Machine } from './machine.ts';
import { cpuBetween, cpuMs, type ProcessGroups, residentMib } from './process-usage.ts';

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

export interface SandboxReport {
  readonly machine: Machine;
  /** `bash -c true` from Node, in ms. */
  readonly bareMs: Spread;
  readonly barePerS: number;
  /** From the call to the result, in ms, of a session without a sandbox. */
  readonly coldMs: Spread;
  readonly coldPerS: number;
  readonly warmMs: Spread;
  readonly warmPerS: number;
  /** CPU in µs of one warm call, by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  /** Of the processes of one idle sandbox, in MiB, proportional. */
  readonly idleMib: number;
  readonly bareMib: number;
  readonly residentMib: Readonly<Record<string, number>>;
}

const slots = 64;
const coldSessions = 30;
const startSessions = 60;
const startsAtOnce = 4;
const warmSessions = 16;
const rounds = 3;

/** Boots everything, measures, and leaves nothing behind. `scale` shortens the parts that last a time. */
export async function runSandboxBench(scale: number, note: (text: string) => void): Promise<SandboxReport> {
  note('starting the suite');
  const suite = await startSuite({ args: [], env: { EXECUTOR_SLOTS: String(slots) } });
  process.kill(suite.ready.pid, 'SIGSTOP'); // its live tail is no part of what is measured
  try {
    if (suite.ready.sessionMcpUrl === null) throw new Error(suite.ready.sandboxProblem ?? 'there is no executor');
    return await measure(suite, new DemoSessions(suite), scale, note);
  } finally {
    process.kill(suite.ready.pid, 'SIGCONT');
    await suite.dispose();
  }
}

async function measure(
  suite: Suite,
  sessions: DemoSessions,
  scale: number,
  note: (text: string) => void,
): Promise<SandboxReport> {
  const groups = groupsOf(suite);
  note('warming up');
  const warmed = await sessions.open(warmSessions);
  await callInSessions(warmed, 15_000 * scale);
  const bare: number[] = [];
  const cold: number[] = [];
  const warm: number[] = [];
  const perS = { bare: [] as number[], cold: [] as number[], warm: [] as number[] };
  const cpuUs: Record<string, number[]> = {};
  for (let round = 1; round <= rounds; round += 1) {
    note(`round ${round} of ${rounds}`);
    for (let made = 0; made < 100; made += 1) bare.push(await timed(spawnBare));
    perS.bare.push(await rate(200, startsAtOnce, spawnBare));
    const [one] = warmed;
    if (one === undefined) throw new Error('no session');
    for (let made = 0; made < 500 * scale; made += 1) warm.push(await timed(() => one.call()));
    const before = cpuMs(groups);
    const { calls, callsPerS } = await callInSessions(warmed, 8_000 * scale);
    perS.warm.push(callsPerS);
    for (const [name, ms] of Object.entries(cpuBetween(before, cpuMs(groups))))
      (cpuUs[name] ??= []).push((ms * 1_000) / calls);
    const fresh = await sessions.open(coldSessions);
    for (const session of fresh) cold.push(await timed(() => session.call()));
    await sessions.close(fresh);
    const many = await sessions.open(Math.min(startSessions, slots - warmSessions));
    const waiting = [...many];
    perS.cold.push(await rate(many.length, startsAtOnce, () => waiting.pop()?.call() ?? Promise.resolve()));
    await sessions.close(many);
  }
  const resident = residentMib(groups);
  return {
    machine: machine(),
    bareMs: spread(bare),
    barePerS: median(perS.bare),
    coldMs: spread(cold),
    coldPerS: median(perS.cold),
    warmMs: spread(warm),
    warmPerS: median(perS.warm),
    cpuUs: Object.fromEntries(Object.entries(cpuUs).map(([name, values]) => [name, median(values)])),
    idleMib: (residentMib({ sandboxes: () => below(suite.pidOf('executor')) })['sandboxes'] ?? 0) / warmSessions,
    bareMib: await bareMib(),
    residentMib: resident,
  };
}

/** How many a second, `atOnce` at a time. */
async function rate(count: number, atOnce: number, work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  let begun = 0;
  const run = async () => {
    for (; begun < count;) {
      begun += 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return (count * 1_000) / (performance.now() - startedMs);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function spawnBare(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/bash', ['--noprofile', '--norc', '-c', 'true'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

/** A bare shell that waits. */
async function bareMib(): Promise<number> {
  const child = spawn('/bin/bash', ['--noprofile', '--norc'], { stdio: ['pipe', 'ignore', 'ignore'] });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const mib = residentMib({ bare: () => [child.pid ?? 0, child.pid ?? 0] })['bare'] ?? 0;
  child.kill();
  return mib / 2;
}

/** Every process below another. */
function below(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /, '');
      parents.set(Number(name), Number(stat.split(' ')[1]));
    } catch {
      // it has ended
    }
  }
  const found: number[] = [];
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && parent !== 0 && (parent === ancestor || isBelow(parent));
  };
  for (const pid of parents.keys()) if (isBelow(pid)) found.push(pid);
  return found;
}

function groupsOf(suite: Suite): ProcessGroups {
  const service = (name: string) => () => [suite.pidOf(name)];
  return {
    router: service('router'),
    scheduler: service('scheduler'),
    executor: service('executor'),
    sandboxes: () => below(suite.pidOf('executor')),
    audit: service('audit'),
    control: service('control'),
    postgres: () => postgresPids(suite.ready.dataDir),
  };
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

function median(values: readonly number[]): number {
  return spread(values).p50;
}
