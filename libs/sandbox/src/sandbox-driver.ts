/** How well a driver separates a session from its host. `none` runs on the bare host and exists for tests. */
export type Tier = 'none' | 'os-policy' | 'namespace' | 'oci' | 'gvisor' | 'microvm' | 'managed';

/** What a driver's sandboxes are. */
export interface Capabilities {
  readonly tier: Tier;
  /** What the self-test proved from inside a sandbox at start; a check that is missing was not proved. */
  readonly checks: readonly CheckResult[];
}

export interface CheckResult {
  /** From `sandboxChecks`. */
  readonly check: string;
  readonly proved: boolean;
  /** Why not, for a person. */
  readonly detail: string;
}

export interface SandboxLimits {
  /** Thousandths of a core. */
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly pids: number;
  /** Size of `/workspace`. */
  readonly workspaceMib: number;
}

export interface SandboxSpec {
  /** The session's id. */
  readonly key: string;
  /** The fencing token of the claim: a driver does not attach with a lower one. */
  readonly attempt: number;
  readonly runtime: string;
  readonly limits: SandboxLimits;
  readonly env: Readonly<Record<string, string>>;
}

/** What names a sandbox; JSON. */
export interface SandboxRef {
  readonly driver: string;
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
}

/** Makes sandboxes of one kind. */
export abstract class SandboxDriver {
  abstract readonly name: string;
  abstract capabilities(): Promise<Capabilities>;
  /** Rejects with `SandboxRefusedError`. An abort leaves nothing behind. */
  abstract create(spec: SandboxSpec, options: { readonly signal: AbortSignal }): Promise<Sandbox>;
  /** Sandboxes that this driver finds on the host, also those that a process left which is gone. */
  abstract list(): Promise<readonly SandboxRef[]>;
  /** Removes a sandbox that `list` named; resolves also where it is gone. */
  abstract reap(ref: SandboxRef): Promise<void>;
  /** Destroys every sandbox. */
  abstract close(): Promise<void>;
}

export interface FileEntry {
  /** Relative to the path that was asked for. */
  readonly path: string;
  readonly type: 'file' | 'dir' | 'link' | 'other';
  readonly size: number;
  readonly mtimeMs: number;
}

/** One session's isolated place. Its calls come one after the other. A non-zero exit code is a result; rejections are `SandboxLostError` or `SandboxRefusedError`. */
export abstract class Sandbox {
  abstract readonly ref: SandboxRef;
  /** Resolves with a reason once the sandbox is gone, for whatever reason but `destroy`. */
  abstract readonly lost: Promise<string>;
  /**
   * Runs a program, without a shell. It ends when the program does, not when its pipes close; whatever it has started dies with it. An abort
   * of the signal kills everything. Never repeated once it may have started.
   */
  abstract exec(request: ExecRequest, options: ExecOptions): Promise<ExecResult>;
  /** Runs a command in the session's shell: directory, variables, functions and options are those that the last command left. */
  abstract shell(request: ShellRequest, options: ExecOptions): Promise<ExecResult>;
  /** Forgets the shell's state, and ends every process of the session. */
  abstract restartShell(): Promise<void>;
  /** `size` is that of the whole file. Follows links, inside the sandbox. */
  abstract readFile(
    path: string,
    range: { readonly offset: number; readonly length: number },
  ): Promise<FileResult<FileContent>>;
  /** Replaces the file atomically, makes its parents. */
  abstract writeFile(path: string, data: Uint8Array): Promise<FileResult<void>>;
  /** Everything below `path`, links not followed, at most `entriesMax` of it. */
  abstract walk(path: string, options: { readonly entriesMax: number }): Promise<FileResult<Walk>>;
  /** Idempotent; resolves also where it is gone. */
  abstract destroy(): Promise<void>;
}

export interface FileContent {
  readonly data: Uint8Array;
  readonly size: number;
}

export interface Walk {
  readonly entries: readonly FileEntry[];
  readonly truncated: boolean;
}

/** A refusal of the file system: `code` is an errno name, for example `ENOENT`. */
export type FileResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: { readonly code: string } };

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly output: OutputLimits;
}

export interface ShellRequest {
  readonly command: string;
  readonly timeoutMs: number;
  readonly output: OutputLimits;
}

/** Standard output and error are one stream. The first `headBytes` and the last `tailBytes` are kept. */
export interface OutputLimits {
  readonly headBytes: number;
  readonly tailBytes: number;
}

export interface ExecOptions {
  readonly signal: AbortSignal;
  /** Output as it comes, up to `headBytes`. */
  readonly onOutput?: (data: Uint8Array) => void;
}

export interface ExecResult {
  readonly outcome: 'exit' | 'signal' | 'timeout' | 'cancelled' | 'oom';
  /** The exit code, or 128 + the signal. */
  readonly code: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** Bytes between head and tail that were dropped. */
  readonly omittedBytes: number;
  readonly durationMs: number;
}

/** The sandbox is gone, and with it whatever ran: whether that had an effect is not known. */
export class SandboxLostError extends Error {
  override readonly name = 'SandboxLostError';
}

export type SandboxRefusal = 'capacity' | 'capability' | 'start_failed' | 'closed';

/** No sandbox, or nothing was started in it. */
export class SandboxRefusedError extends Error {
  override readonly name = 'SandboxRefusedError';
  readonly code: SandboxRefusal;

  constructor(code: SandboxRefusal, message: string) {
    super(message);
    this.code = code;
  }
}
