import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { fail, ok, type Result } from '@sallyport/result';

import { replaceFile } from './atomic-file.ts';
import { LastWords } from './last-words.ts';
import { LogFile } from './log-file.ts';
import { formatIdentity, identityOf } from './process-identity.ts';

export interface ProcessSpec {
  /** `control`, `edge`, …: names the log and the pid file. */
  readonly name: string;
  /** The file that node runs. */
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Sockets that a killed process leaves behind, and that its successor could not bind. */
  readonly sockets: readonly string[];
}

export interface ProcessPlaces {
  readonly logs: string;
  readonly run: string;
}

/** What happens to a process after it once was ready. */
export interface ProcessEvents {
  ended(name: string, why: string, restartInMs: number): void;
  ready(name: string, pid: number): void;
}

const backOffFirstMs = 250;
const backOffMostMs = 10_000;
/** A life this long was no failure of starting. */
const lifeMsMin = 30_000;
const firstAttemptsMax = 3;
const readyMsMax = 60_000;
/** How long output may still come after the process has ended; only a grandchild that holds the pipes makes it wait. */
const outputMsMax = 1_000;
/** EX_CONFIG of sysexits(3): another attempt would end the same way. */
const configurationExitCode = 78;

/** How long to wait before a process is started again. */
export function restartDelayMs(failuresInARow: number): number {
  return Math.min(backOffMostMs, backOffFirstMs * 2 ** Math.min(failuresInARow, 16));
}

/**
 * A service that is kept running: started again with a growing delay when it dies. It has a process group of its own, so that a
 * terminal's Ctrl-C reaches the supervisor alone, and an IPC channel, whose end tells it that the supervisor is gone.
 */
export class SupervisedProcess {
  readonly name: string;
  readonly #spec: ProcessSpec;
  readonly #places: ProcessPlaces;
  readonly #events: ProcessEvents;
  readonly #log: LogFile;
  readonly #lastWords = new LastWords();
  #child: ChildProcess | undefined;
  #startedAtMs = 0;
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #settleStart: ((result: Result<void, string>) => void) | undefined;

  constructor(spec: ProcessSpec, places: ProcessPlaces, events: ProcessEvents) {
    this.name = spec.name;
    this.#spec = spec;
    this.#places = places;
    this.#events = events;
    this.#log = new LogFile(join(places.logs, `${spec.name}.log`));
  }

  /** The pid of the process that runs now; 0 between two lives. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get logPath(): string {
    return this.#log.path;
  }

  /** Resolves once the process has said that it is ready, or with the reason why it never will. */
  start(): Promise<Result<void, string>> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#startFailed(`${this.name} did not get ready within ${readyMsMax / 1_000} s`),
        readyMsMax,
      );
      this.#settleStart = (result) => {
        clearTimeout(timer);
        this.#settleStart = undefined;
        resolve(result);
      };
      this.#spawn();
    });
  }

  /** Asks the process to end, and kills it after `graceMs`. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.#state = 'stopping';
    clearTimeout(this.#restart);
    this.#settleStart?.(fail(`${this.name} was stopped`));
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
      await Promise.race([closed, sleep(outputMsMax, undefined, { ref: false })]);
      rmSync(this.#pidFile(), { force: true });
    }
    this.#log.close();
  }

  /** At once, without a chance to finish anything. */
  kill(): void {
    this.#state = 'stopping';
    clearTimeout(this.#restart);
    this.#child?.kill('SIGKILL');
  }

  #spawn(): void {
    const { name, script, args, env, sockets } = this.#spec;
    for (const socket of sockets) rmSync(socket, { force: true });
    this.#lastWords.forget();
    this.#startedAtMs = Date.now();
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
      cwd: '/',
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.on('data', (chunk: Buffer) => {
        this.#lastWords.add(stream, chunk.toString('utf8'));
        this.#log.write(chunk);
      });
    }
    const identity = child.pid === undefined ? undefined : identityOf(child.pid);
    if (identity !== undefined) replaceFile(this.#pidFile(), formatIdentity(identity));
    child.on('message', (message) => {
      if (typeof message === 'object' && 'ready' in message && child.pid !== undefined) this.#isReady(child.pid);
    });
    child.once('error', (error) => this.#ended(child, `${name} could not be started: ${error.message}`, undefined));
    child.once('close', (code, signal) => this.#ended(child, `${name} ended with ${signal ?? `code ${code}`}`, code));
  }

  #isReady(pid: number): void {
    if (this.#state === 'stopping') return;
    const isFirst = this.#state === 'starting';
    this.#state = 'running';
    this.#settleStart?.(ok(undefined));
    if (!isFirst) this.#events.ready(this.name, pid);
  }

  #ended(child: ChildProcess, how: string, code: number | null | undefined): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    rmSync(this.#pidFile(), { force: true });
    if (this.#state === 'stopping') return;
    const said = this.#lastWords.summary();
    const why = said === undefined ? how : `${how}: ${said}`;
    this.#failures = Date.now() - this.#startedAtMs >= lifeMsMin ? 0 : this.#failures;
    const delayMs = restartDelayMs(this.#failures);
    this.#failures += 1;
    if (this.#state === 'starting' && (code === configurationExitCode || this.#failures >= firstAttemptsMax))
      return this.#startFailed(why);
    if (this.#state === 'running') this.#events.ended(this.name, why, delayMs);
    this.#restart = setTimeout(() => this.#spawn(), delayMs);
  }

  #startFailed(why: string): void {
    this.#state = 'stopping';
    this.#settleStart?.(fail(`${why} (log: ${this.#log.path})`));
  }

  #pidFile(): string {
    return join(this.#places.run, `${this.name}.pid`);
  }
}
