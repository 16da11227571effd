import {
  type Capabilities,
  type ExecResult,
  type FileContent,
  type FileResult,
  Sandbox,
  SandboxDriver,
  type SandboxRef,
  SandboxRefusedError,
  type SandboxSpec,
  sandboxChecks,
  type Walk,
} from '@sallyport/sandbox';

/** What a test asks of the driver. */
export interface FakeDriverOptions {
  readonly startMs: number;
  readonly destroyMs: number;
  /** Checks that the self-test does not prove. */
  readonly unproved: readonly string[];
}

/**
 * Sandboxes without anything inside: they begin, die and end as a test wants. A session id with `bad` in it does not start.
 * Ids are said without the letters that fill them up.
 */
export class FakeDriver extends SandboxDriver {
  readonly name = 'namespace';
  readonly live = new Map<string, FakeSandbox>();
  /** `create <session> <attempt>` and `destroy <session> <attempt>`, in the order in which they happened. */
  readonly events: string[] = [];
  readonly specs: SandboxSpec[] = [];
  leftovers: SandboxRef[] = [];
  readonly #options: FakeDriverOptions;

  constructor(options: Partial<FakeDriverOptions> = {}) {
    super();
    this.#options = { startMs: 5, destroyMs: 5, unproved: [], ...options };
  }

  override capabilities(): Promise<Capabilities> {
    const { unproved } = this.#options;
    return Promise.resolve({
      tier: unproved.length === 0 ? 'namespace' : 'none',
      checks: sandboxChecks.map((check) => {
        const proved = !unproved.includes(check);
        return { check, proved, detail: proved ? '' : 'the fake does not' };
      }),
    });
  }

  override async create(spec: SandboxSpec, options: { readonly signal: AbortSignal }): Promise<Sandbox> {
    this.specs.push(spec);
    await new Promise((resolve) => setTimeout(resolve, this.#options.startMs));
    if (spec.key.includes('bad')) throw new SandboxRefusedError('start_failed', 'the fake does not start this one');
    if (options.signal.aborted) throw new SandboxRefusedError('closed', 'aborted');
    const sandbox = new FakeSandbox(this, spec, this.#options.destroyMs);
    this.live.set(short(spec.key), sandbox);
    this.events.push(`create ${short(spec.key)} ${spec.attempt}`);
    return sandbox;
  }

  override list(): Promise<readonly SandboxRef[]> {
    return Promise.resolve(this.leftovers);
  }

  override reap(ref: SandboxRef): Promise<void> {
    this.leftovers = this.leftovers.filter((each) => each !== ref);
    this.events.push(`reap ${ref.key} ${ref.attempt}`);
    return Promise.resolve();
  }

  override async close(): Promise<void> {
    await Promise.all([...this.live.values()].map((sandbox) => sandbox.destroy()));
  }
}

/** Does nothing by itself; a test's tools work on it. */
export class FakeSandbox extends Sandbox {
  readonly ref: SandboxRef;
  readonly lost: Promise<string>;
  readonly #driver: FakeDriver;
  readonly #destroyMs: number;
  #lose: (reason: string) => void = () => undefined;
  isLost = false;

  constructor(driver: FakeDriver, spec: SandboxSpec, destroyMs: number) {
    super();
    this.#driver = driver;
    this.#destroyMs = destroyMs;
    this.ref = { driver: driver.name, id: `${spec.key}-${spec.attempt}`, key: spec.key, attempt: spec.attempt };
    this.lost = new Promise((resolve) => (this.#lose = resolve));
  }

  die(): void {
    this.isLost = true;
    this.#lose('its init was killed');
  }

  override async destroy(): Promise<void> {
    if (this.#driver.live.get(short(this.ref.key)) !== this) return;
    await new Promise((resolve) => setTimeout(resolve, this.#destroyMs));
    if (this.#driver.live.get(short(this.ref.key)) !== this) return;
    this.#driver.live.delete(short(this.ref.key));
    this.#driver.events.push(`destroy ${short(this.ref.key)} ${this.ref.attempt}`);
  }

  override exec(): Promise<ExecResult> {
    return unused();
  }

  override shell(): Promise<ExecResult> {
    return unused();
  }

  override restartShell(): Promise<void> {
    return unused();
  }

  override readFile(): Promise<FileResult<FileContent>> {
    return unused();
  }

  override writeFile(): Promise<FileResult<void>> {
    return unused();
  }

  override walk(): Promise<FileResult<Walk>> {
    return unused();
  }
}

function short(id: string): string {
  return id.replace(/z+$/, '');
}

function unused(): Promise<never> {
  return Promise.reject(new Error('nothing runs in a fake sandbox'));
}
