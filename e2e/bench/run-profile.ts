import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSuite, type Suite } from '../harness/suite.ts';
import { callRequest } from './bench-messages.ts';
import { monotonicUs, type ProfiledTime, profiledTime, profilingEnvironment } from './cpu-profile.ts';
import { callInSessions, DemoSessions } from './demo-sessions.ts';
import { closedLoop } from './load.ts';
import { machine, type Machine } from './machine.ts';
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

interface Window {
  readonly title: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly calls: number;
  readonly callsPerS: number;
  readonly bytes: ReadonlyMap<string, IoBytes>;
  readonly database: DatabaseWork;
}

/** Boots the suite with a profiler in each process, loads one half after the other, and leaves nothing behind. */
export async function runProfile(seconds: number, note: (text: string) => void): Promise<ProfileReport> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-profile-'));
  try {
    note('starting the suite');
    const suite = await startSuite({
      args: [],
      env: { ...profilingEnvironment(directory), EXECUTOR_SLOTS: String(sessionCount * 2) },
    });
    let pids: ReadonlyMap<string, number> = new Map();
    let windows: readonly Window[] = [];
    try {
      if (suite.ready.sessionMcpUrl === null) throw new Error(suite.ready.sandboxProblem ?? 'there is no executor');
      const statements = await StatementCounts.open(suite);
      // Each process goes on with its connections made anew.
      await sleep(5_000);
      pids = new Map(services.map((name) => [name, pidOf(suite, name)]));
      windows = [
        await tunnelled(suite, pids, statements, seconds, note),
        await sandboxed(suite, pids, statements, seconds, note),
      ];
      await statements.close();
    } finally {
      process.kill(suite.ready.pid, 'SIGCONT');
      await suite.dispose();
    }
    const profiles = windows.map(({ title, fromUs, toUs, calls, callsPerS, bytes, database }) => ({
      title,
      calls,
      callsPerS,
      database,
      processes: [...pids].map(([name, pid]) => ({
        process: name,
        ...profiledTime(directory, pid, fromUs, toUs),
        readBytes: bytes.get(name)?.read ?? 0,
        writtenBytes: bytes.get(name)?.written ?? 0,
      })),
    }));
    return { machine: machine(), profiles };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function tunnelled(
  suite: Suite,
  pids: ReadonlyMap<string, number>,
  statements: StatementCounts,
  seconds: number,
  note: (text: string) => void,
): Promise<Window> {
  const url = new URL(suite.ready.tunnelMcpUrl);
  const port = Number(url.port);
  const target = { port, request: callRequest({ port, path: url.pathname, apiKey: suite.ready.apiKey }) };
  process.kill(suite.ready.pid, 'SIGSTOP'); // its live tail is no part of what is measured
  note('calls through the tunnel');
  await closedLoop(target, concurrency, warmUpS);
  return observe('tunneled', pids, statements, () => closedLoop(target, concurrency, seconds));
}

async function sandboxed(
  suite: Suite,
  pids: ReadonlyMap<string, number>,
  statements: StatementCounts,
  seconds: number,
  note: (text: string) => void,
): Promise<Window> {
  note('calls in sandboxes');
  const sessions = await new DemoSessions(suite).open(sessionCount);
  await callInSessions(sessions, warmUpS * 1_000);
  return observe('sandboxed', pids, statements, () => callInSessions(sessions, seconds * 1_000));
}

async function observe(
  title: string,
  pids: ReadonlyMap<string, number>,
  statements: StatementCounts,
  load: () => Promise<{ readonly calls: number; readonly callsPerS: number }>,
): Promise<Window> {
  await sleep(settleMs);
  await statements.begin();
  const before = bytesOf(pids);
  const fromUs = monotonicUs();
  const { calls, callsPerS } = await load();
  await sleep(settleMs);
  const toUs = monotonicUs();
  const after = bytesOf(pids);
  const bytes = new Map(
    [...after].map(([name, { read, written }]) => [
      name,
      { read: read - (before.get(name)?.read ?? 0), written: written - (before.get(name)?.written ?? 0) },
    ]),
  );
  return { title, fromUs, toUs, calls, callsPerS, bytes, database: await statements.end() };
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
