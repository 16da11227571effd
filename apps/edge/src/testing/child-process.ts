import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const waitMs = 20_000;

export type LogLine = Readonly<Record<string, unknown>>;

/** A real process of an app, its log lines, and its end. */
export class AppProcess {
  readonly child: ChildProcess;
  readonly lines: LogLine[] = [];
  readonly errors: string[] = [];
  readonly exit: Promise<number | null>;
  #waiting: (() => void)[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    this.exit = new Promise((resolve) => {
      child.once('exit', (code) => {
        resolve(code);
        this.#wake();
      });
    });
    if (child.stdout !== null) {
      createInterface(child.stdout).on('line', (line) => {
        this.lines.push(JSON.parse(line) as LogLine);
        this.#wake();
      });
    }
    if (child.stderr !== null) createInterface(child.stderr).on('line', (line) => this.errors.push(line));
  }

  static start(app: 'edge' | 'connector', args: readonly string[], env: Readonly<Record<string, string>>): AppProcess {
    const child = spawn(process.execPath, [`apps/${app}/src/main.ts`, ...args], {
      cwd: root,
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new AppProcess(child);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** The `nth` line (from 1) with this message and these fields, waiting for it. */
  async line(msg: string, fields: LogLine = {}, nth = 1): Promise<LogLine> {
    const endsAtMs = Date.now() + waitMs;
    for (;;) {
      const found = this.lines.filter(
        (line) => line['msg'] === msg && Object.entries(fields).every(([name, value]) => line[name] === value),
      );
      const line = found[nth - 1];
      if (line !== undefined) return line;
      const leftMs = endsAtMs - Date.now();
      if (leftMs <= 0 || this.child.exitCode !== null) {
        const seen = this.lines.map((each) => JSON.stringify(each)).join('\n');
        throw new Error(`no line "${msg}" ${JSON.stringify(fields)}; seen:\n${seen}\n${this.errors.join('\n')}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, Math.min(leftMs, 100));
      });
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGCONT');
      this.child.kill(signal);
    }
    await this.exit;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
