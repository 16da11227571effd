import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { KeptOutput } from './kept-output.ts';
import {
  type ExecOptions,
  type ExecRequest,
  type ExecResult,
  type FileContent,
  type FileEntry,
  type FileResult,
  Sandbox,
  SandboxLostError,
  type SandboxRef,
  type ShellRequest,
  type Walk,
} from './sandbox-driver.ts';

/** Begins with the state that the last command left, and leaves its own: directory, exported variables, functions. */
const shellScript = `
[ -f "$1" ] && . "$1" 2>/dev/null
trap '{ printf "cd %q\\n" "$PWD"; export -p; declare -f; } > "$1.new" && mv "$1.new" "$1"' EXIT
eval "$(cat "$2")"
`;

/** A folder of the host, and programs that run there as whoever runs the executor. `/workspace` and `/tmp` stand for parts of the folder in paths of files. */
export class BareSandbox extends Sandbox {
  readonly ref: SandboxRef;
  readonly lost = new Promise<string>(() => undefined);
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #onDestroyed: () => void;
  readonly #running = new Set<ChildProcess>();
  #isDestroyed = false;

  constructor(ref: SandboxRef, folder: string, env: Readonly<Record<string, string>>, onDestroyed: () => void) {
    super();
    this.ref = ref;
    this.#folder = folder;
    this.#env = env;
    this.#onDestroyed = onDestroyed;
    for (const part of ['workspace', 'tmp', 'state']) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 });
  }

  override exec(request: ExecRequest, options: ExecOptions): Promise<ExecResult> {
    const [program = '', ...args] = request.argv;
    return this.#run({ program, args, ...request, cwd: this.#inFolder(request.cwd) }, options);
  }

  override shell(request: ShellRequest, options: ExecOptions): Promise<ExecResult> {
    const command = join(this.#folder, 'state', 'command');
    if (!this.#isDestroyed) writeFileSync(command, request.command);
    const args = ['--noprofile', '--norc', '-c', shellScript, 'bash', join(this.#folder, 'state', 'shell'), command];
    const cwd = join(this.#folder, 'workspace');
    return this.#run({ program: 'bash', args, cwd, env: {}, stdin: undefined, ...request }, options);
  }

  override restartShell(): Promise<void> {
    rmSync(join(this.#folder, 'state', 'shell'), { force: true });
    return Promise.resolve();
  }

  override readFile(path: string, { offset, length }: { readonly offset: number; readonly length: number }) {
    return this.#file(async (): Promise<FileContent> => {
      const file = await open(await this.#resolved(path), 'r');
      try {
        const { size } = await file.stat();
        const data = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
        const { bytesRead } = await file.read(data, 0, data.length, offset);
        return { data: data.subarray(0, bytesRead), size };
      } finally {
        await file.close();
      }
    });
  }

  override writeFile(path: string, data: Uint8Array): Promise<FileResult<void>> {
    return this.#file(async () => {
      const wanted = this.#inFolder(path);
      await mkdir(dirname(wanted), { recursive: true });
      const target = join(await this.#resolved(dirname(path)), wanted.slice(dirname(wanted).length + 1));
      await writeFile(`${target}.new`, data);
      await rename(`${target}.new`, target);
    });
  }

  override walk(path: string, { entriesMax }: { readonly entriesMax: number }): Promise<FileResult<Walk>> {
    return this.#file(async () => {
      const root = await this.#resolved(path);
      const found = await readdir(root, { recursive: true, withFileTypes: true });
      const entries: FileEntry[] = [];
      for (const entry of found.slice(0, entriesMax)) {
        const full = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = await stat(full).catch(() => ({ size: 0, mtimeMs: 0 }));
        const type = entry.isFile() ? 'file' : entry.isDirectory() ? 'dir' : entry.isSymbolicLink() ? 'link' : 'other';
        entries.push({ path: relative(root, full), type, size, mtimeMs });
      }
      return { entries, truncated: found.length > entriesMax };
    });
  }

  override destroy(): Promise<void> {
    if (this.#isDestroyed) return Promise.resolve();
    this.#isDestroyed = true;
    for (const child of this.#running) endGroup(child);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#onDestroyed();
    return Promise.resolve();
  }

  #run(
    request: Pick<ExecRequest, 'cwd' | 'env' | 'stdin' | 'timeoutMs' | 'output'> & {
      readonly program: string;
      readonly args: readonly string[];
    },
    { signal, onOutput }: ExecOptions,
  ): Promise<ExecResult> {
    if (this.#isDestroyed) return Promise.reject(new SandboxLostError('the sandbox was destroyed'));
    const begunMs = performance.now();
    const home = { HOME: join(this.#folder, 'workspace'), TMPDIR: join(this.#folder, 'tmp'), PATH: '/usr/bin:/bin' };
    const child = spawn(request.program, request.args, {
      cwd: request.cwd,
      env: { ...home, ...this.#env, ...request.env },
      stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#running.add(child);
    child.stdin?.end(request.stdin);
    const kept = new KeptOutput(request.output, onOutput);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => kept.add(chunk));
    let cause: 'timeout' | 'cancelled' | undefined;
    const end = (why: 'timeout' | 'cancelled') => {
      cause ??= why;
      endGroup(child);
    };
    const timer = setTimeout(() => end('timeout'), request.timeoutMs);
    const onAbort = () => end('cancelled');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    return new Promise((resolve) => {
      child.once('error', () => undefined); // no such program: `close` follows
      child.once('exit', () => endGroup(child));
      child.once('close', (code, killedBy) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#running.delete(child);
        const natural = killedBy === null ? 'exit' : 'signal';
        const exitCode = killedBy === null ? (code === null || code < 0 ? notFoundCode : code) : killedCode;
        const durationMs = Math.round(performance.now() - begunMs);
        resolve({ outcome: cause ?? natural, code: exitCode, durationMs, ...kept.result() });
      });
    });
  }

  /** The place in our folder that a path of the session names. */
  #inFolder(path: string): string {
    for (const [name, part] of [
      ['/workspace', 'workspace'],
      ['/tmp', 'tmp'],
    ] as const)
      if (path === name || path.startsWith(`${name}/`)) return join(this.#folder, part, path.slice(name.length));
    throw Object.assign(new Error('outside'), { code: 'EXDEV' });
  }

  /** The same, links followed; what leads out of the folder is refused. */
  async #resolved(path: string): Promise<string> {
    const [folder, full] = await Promise.all([realpath(this.#folder), realpath(this.#inFolder(path))]);
    if (full !== folder && !full.startsWith(`${folder}/`)) throw Object.assign(new Error('outside'), { code: 'EXDEV' });
    return full;
  }

  async #file<Value>(work: () => Promise<Value>): Promise<FileResult<Value>> {
    if (this.#isDestroyed) throw new SandboxLostError('the sandbox was destroyed');
    try {
      return { ok: true, value: await work() };
    } catch (error) {
      if (error instanceof Error && 'code' in error) return { ok: false, reason: { code: String(error.code) } };
      throw error;
    }
  }
}

const notFoundCode = 127;
const killedCode = 137;

/** The whole process group; what has left it by `setsid` is not reached: the reason why this driver proves nothing. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it is gone
  }
}
