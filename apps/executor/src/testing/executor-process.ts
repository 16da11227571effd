import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const sources = fileURLToPath(new URL('../', import.meta.url));

/** A real executor process and what it writes. */
export class ExecutorProcess {
  readonly child: ChildProcess;
  /** Code and signal. */
  readonly exit: Promise<readonly [number | null, NodeJS.Signals | null]>;
  stdout = '';
  stderr = '';

  constructor(
    program: 'main.ts' | 'testing/fake-driver-executor.ts',
    environment: Readonly<Record<string, string>>,
    args: readonly string[] = [],
  ) {
    this.child = spawn(process.execPath, [`${sources}${program}`, ...args], {
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exit = new Promise((resolve) => this.child.once('close', (code, signal) => resolve([code, signal])));
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<readonly [number | null, NodeJS.Signals | null]> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exit;
  }
}
