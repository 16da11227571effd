import {
  type ExecRequest,
  type ExecResult,
  type FileContent,
  type FileResult,
  Sandbox,
  type ShellRequest,
  type Walk,
} from '../sandbox-driver.ts';

/** Files in memory; programs and commands answer with what the test has put down for them. */
export class MemorySandbox extends Sandbox {
  readonly ref = { driver: 'memory', id: 'memory', key: 'memory', attempt: 1 };
  readonly lost = new Promise<string>(() => undefined);
  readonly files = new Map<string, { data: Uint8Array; mtimeMs: number }>();
  readonly asked: (ExecRequest | ShellRequest)[] = [];
  restarts = 0;
  answer: (request: ExecRequest | ShellRequest) => Partial<ExecResult> & { readonly text?: string } = () => ({});

  put(path: string, content: string | Uint8Array, mtimeMs = 0): void {
    this.files.set(path, { data: typeof content === 'string' ? Buffer.from(content) : content, mtimeMs });
  }

  text(path: string): string | undefined {
    const file = this.files.get(path);
    return file === undefined ? undefined : Buffer.from(file.data).toString();
  }

  override exec(request: ExecRequest): Promise<ExecResult> {
    return this.#run(request);
  }

  override shell(request: ShellRequest): Promise<ExecResult> {
    return this.#run(request);
  }

  override restartShell(): Promise<void> {
    this.restarts += 1;
    return Promise.resolve();
  }

  override readFile(
    path: string,
    range: { readonly offset: number; readonly length: number },
  ): Promise<FileResult<FileContent>> {
    const file = this.files.get(path);
    if (file === undefined)
      return Promise.resolve({ ok: false, reason: { code: path.startsWith('/workspace') ? 'ENOENT' : 'EXDEV' } });
    const data = file.data.subarray(range.offset, range.offset + range.length);
    return Promise.resolve({ ok: true, value: { data, size: file.data.length } });
  }

  override writeFile(path: string, data: Uint8Array): Promise<FileResult<void>> {
    if (path.startsWith('/full')) return Promise.resolve({ ok: false, reason: { code: 'ENOSPC' } });
    this.put(path, data);
    return Promise.resolve({ ok: true, value: undefined });
  }

  override walk(path: string, options: { readonly entriesMax: number }): Promise<FileResult<Walk>> {
    const folder = path.replace(/\/$/, '');
    const all = [...this.files].filter(([name]) => name.startsWith(`${folder}/`));
    const entries = all.slice(0, options.entriesMax).map(([name, { data, mtimeMs }]) => ({
      path: name.slice(folder.length + 1),
      type: 'file' as const,
      size: data.length,
      mtimeMs,
    }));
    return Promise.resolve({ ok: true, value: { entries, truncated: all.length > options.entriesMax } });
  }

  override destroy(): Promise<void> {
    return Promise.resolve();
  }

  #run(request: ExecRequest | ShellRequest): Promise<ExecResult> {
    this.asked.push(request);
    const { text = '', ...rest } = this.answer(request);
    const none = { outcome: 'exit', code: 0, tail: new Uint8Array(), omittedBytes: 0, durationMs: 1 } as const;
    return Promise.resolve({ ...none, head: Buffer.from(text), ...rest });
  }
}
