import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freeLoopbackPort } from '@sallyport/loopback-ports';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

export interface ReadyLine {
  readonly routerUrl: string;
  readonly controlUrl: string;
  readonly apiKey: string;
  readonly tunnelMcpUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  readonly connectorPid: number;
  readonly sessionMcpUrl: string | null;
  readonly executorPid: number | null;
  readonly sandboxProblem: string | null;
  readonly auditVkeys: readonly string[];
}

export interface Suite {
  readonly ready: ReadyLine;
  readonly operatorKey: string;
  readonly child: ChildProcess;
  /** SIGINT, as a person would; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Stops and removes the data. */
  dispose(): Promise<void>;
  /** A request to control's REST API. */
  control(
    method: string,
    path: string,
    key: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  /** The canonical envelopes of a call, parsed, by `seq`; waits until the last one is terminal. */
  eventsOf(callId: string): Promise<readonly CallEvent[]>;
  /** The pid of one of the suite's services. */
  pidOf(service: string): number;
}

export interface CallEvent {
  readonly type: string;
  readonly source: string;
  readonly sequence: string;
  readonly time: string;
  readonly traceparent?: string;
  readonly data: { readonly seq: number; readonly phase: string; readonly [name: string]: unknown };
}

export interface SuiteOptions {
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What runs the suite's command. */
  readonly command?: readonly string[];
}

const startMsMax = 120_000;
const eventsMsMax = 40_000;
const terminal = new Set(['completed', 'failed', 'denied', 'timed_out', 'cancelled', 'orphaned']);

/** Starts the suite as `npm start -- --json` does, on a data directory of its own, and waits until it is ready. */
export async function startSuite(options: SuiteOptions = {}): Promise<Suite> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'sallyport-e2e-'));
  chmodSync(dataDir, 0o755);
  const port = await freeLoopbackPort(2); // the router's; control takes the next one
  const up = ['apps/cli/src/main.ts', 'up', '--json', '--data', dataDir, '--port', String(port)];
  const [command = '', ...args] = [
    ...(options.command ?? []),
    process.execPath,
    ...up,
    ...(options.args ?? kafkaArguments()),
  ];
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const ready = await readyLine(child);
  const operatorKey = readFileSync(join(dataDir, 'secrets', 'operator-key'), 'utf8').trim();
  const control: Suite['control'] = async (method, path, key, body, headers = {}) => {
    const response = await fetch(`${ready.controlUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const stop = () =>
    new Promise<number | null>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
      child.once('exit', (code) => resolve(code));
      child.kill('SIGINT');
    });
  return {
    ready,
    operatorKey,
    child,
    stop,
    control,
    dispose: async () => {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
    eventsOf: (callId) => eventsOf(control, operatorKey, callId),
    pidOf: (service) =>
      Number(
        readFileSync(join(dataDir, 'run', `${service}.pid`), 'utf8')
          .trim()
          .split(/\s/)[0],
      ),
  };
}

async function eventsOf(control: Suite['control'], key: string, callId: string): Promise<readonly CallEvent[]> {
  let events: readonly CallEvent[] = [];
  for (
    const until = Date.now() + eventsMsMax;
    Date.now() < until;
    await new Promise((resolve) => setTimeout(resolve, 200))
  ) {
    // A control that is being started again refuses connections for a moment.
    const { status, body } = await control('GET', `/v1/audit/calls/${callId}`, key).catch(() => ({
      status: 0,
      body: undefined,
    }));
    if (status !== 200) continue;
    events = (body as { data: { envelope: string }[] }).data.map(({ envelope }) => JSON.parse(envelope) as CallEvent);
    if (events.some((event) => terminal.has(event.data.phase))) return events;
  }
  throw new Error(
    `call ${callId} has no end after ${eventsMsMax / 1000} s; its events: ${events.map((event) => event.data.phase).join(' ') || 'none'}`,
  );
}

function readyLine(child: ChildProcess): Promise<ReadyLine> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const timer = setTimeout(() => fail('was not ready in time'), startMsMax);
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGINT');
      reject(new Error(`the suite ${why}:\n${said.slice(-20).join('\n')}`));
    };
    child.once('exit', (code) => fail(`ended with ${code}`));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (said.length < 1_000) said.push(line);
        if (!line.includes('"event":"ready"')) return;
        clearTimeout(timer);
        child.removeAllListeners('exit');
        resolve(JSON.parse(line) as ReadyLine);
      });
    }
  });
}

/** The same scenarios run on either event log. */
function kafkaArguments(): readonly string[] {
  const brokers = process.env['E2E_KAFKA_BROKERS'];
  return brokers === undefined ? [] : ['--kafka', brokers];
}
