import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSuite, type Suite } from '../harness/suite.ts';
import { callRequest } from './bench-messages.ts';
import { type ProfiledTime, profiledTime } from './cpu-profile.ts';
import { callInSessions, DemoSessions } from './demo-sessions.ts';
import { closedLoop } from './load.ts';
import { machine, type Machine } from './machine.ts';
import { beginProfile, endProfile } from './remote-profiler.ts';
import { type DatabaseWork, StatementCounts } from './statement-counts.ts';

export interface ProcessProfile extends ProfiledTime {
  readonly process: string;
  /** Through sockets and files together. */
  readonly readBytes: number;
  readonly writtenBytes: number;
}

export interface CallProfile {
  readonly title: string;
  readonly calls: number;
  readonly callsPerS: number;
  readonly processes: readonly ProcessProfile[];
  readonly database: DatabaseWork;
}

export interface ProfileReport {
  readonly machine: Machine;
  readonly profiles: readonly CallProfile[];
}

const services = ['router', 'edge', 'connector', 'scheduler', 'executor', 'audit', 'control'] as const;
const concurrency = 32;
const sessionCount = 16;
const warmUpS = 15;
/** The relay and the ledger finish what the load has left them. */
const settleMs = 2_000;

/** Boots the suite, loads one half after the other with a profiler in each process, and leaves nothing behind. */
export async function runProfile(seconds: number, note: (text: string) => void): Promise<ProfileReport> {
  note('starting the suite');
  const suite = await startSuite({ args: [], env: { EXECUTOR_SLOTS: String(sessionCount * 2) } });
  try {
    if (suite.ready.sessionMcpUrl === null) throw new Error(suite.ready.sandboxProblem ?? 'there is no executor');
    const statements = await StatementCounts.open(suite);
    // Each process makes its connections anew.
    await sleep(5_000);
    process.kill(suite.ready.pid, 'SIGSTOP'); // its live tail is no part of what is measured
    const pids = new Map(services.map((name) => [name, pidOf(suite, name)]));
    const observed = { pids, statements, seconds };
    note('calls through the tunnel');
    const tunneled = await profileTunnel(suite, observed);
    note('calls in sandboxes');
    const sandboxed = await profileSandboxes(suite, observed);
    await statements.close();
    return { machine: machine(), profiles: [tunneled, sandboxed] };
  } finally {
    process.kill(suite.ready.pid, 'SIGCONT');
    await suite.dispose();
  }
}

interface Observed {
  readonly pids: ReadonlyMap<string, number>;
  readonly statements: StatementCounts;
  readonly seconds: number;
}

async function profileTunnel(suite: Suite, observed: Observed): Promise<CallProfile> {
  const url = new URL(suite.ready.tunnelMcpUrl);
  const port = Number(url.port);
  const target = { port, request: callRequest({ port, path: url.pathname, apiKey: suite.ready.apiKey }) };
  await closedLoop(target, concurrency, warmUpS);
  return profile('tunneled', observed, () => closedLoop(target, concurrency, observed.seconds));
}

async function profileSandboxes(suite: Suite, observed: Observed): Promise<CallProfile> {
  const sessions = await new DemoSessions(suite).open(sessionCount);
  await callInSessions(sessions, warmUpS * 1_000);
  return profile('sandboxed', observed, () => callInSessions(sessions, observed.seconds * 1_000));
}

async function profile(
  title: string,
  { pids, statements }: Observed,
  load: () => Promise<{ readonly calls: number; readonly callsPerS: number }>,
): Promise<CallProfile> {
  await sleep(settleMs);
  for (const pid of pids.values()) await beginProfile(pid);
  await statements.begin();
  const before = bytesOf(pids);
  const { calls, callsPerS } = await load();
  await sleep(settleMs);
  const after = bytesOf(pids);
  const database = await statements.end();
  const processes: ProcessProfile[] = [];
  for (const [name, pid] of pids) {
    const [from, to] = [before.get(name), after.get(name)];
    processes.push({
      process: name,
      ...profiledTime(await endProfile(pid)),
      readBytes: (to?.read ?? 0) - (from?.read ?? 0),
      writtenBytes: (to?.written ?? 0) - (from?.written ?? 0),
    });
  }
  return { title, calls, callsPerS, processes, database };
}

function pidOf(suite: Suite, service: string): number {
  return service === 'connector' ? suite.ready.connectorPid : suite.pidOf(service);
}

interface IoBytes {
  readonly read: number;
  readonly written: number;
}

function bytesOf(pids: ReadonlyMap<string, number>): ReadonlyMap<string, IoBytes> {
  return new Map(
    [...pids].map(([name, pid]) => {
      const io = readFileSync(`/proc/${pid}/io`, 'utf8');
      const count = (field: string) => Number(new RegExp(`^${field}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
      return [name, { read: count('rchar'), written: count('wchar') }];
    }),
  );
}
