import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BareSandbox } from './bare-sandbox.ts';
import { sandboxChecks } from './sandbox-checks.ts';
import {
  type Capabilities,
  type Sandbox,
  SandboxDriver,
  type SandboxRef,
  SandboxRefusedError,
  type SandboxSpec,
} from './sandbox-driver.ts';

/**
 * Runs tools on the bare host, as the user of the executor: no isolation at all. For tests, and for development where there is no bubblewrap. It
 * proves no check, so that only an executor that was told so may use it, and only environments that ask for no isolation take such an executor.
 */
export class BareDriver extends SandboxDriver {
  readonly name = 'bare';
  readonly #stateDir: string;
  readonly #sandboxes = new Map<string, BareSandbox>();
  #isClosed = false;

  constructor(stateDir: string) {
    super();
    this.#stateDir = stateDir;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  }

  override capabilities(): Promise<Capabilities> {
    return Promise.resolve({
      tier: 'none',
      checks: sandboxChecks.map((check) => ({ check, proved: false, detail: 'the driver isolates nothing' })),
      stdio: { split: false, binary: true, stdin: true },
      exec: { timeout: 'client', cancel: 'group' },
      egress: { denyAll: false, domains: false },
      snapshot: 'none',
      resources: { cpu: false, memory: false, pids: false, disk: false },
    });
  }

  override create(spec: SandboxSpec, { signal }: { readonly signal: AbortSignal }): Promise<Sandbox> {
    if (this.#isClosed || signal.aborted)
      return Promise.reject(new SandboxRefusedError('closed', 'the driver takes no more sandboxes'));
    const ref = { driver: this.name, id: randomUUID(), key: spec.key, attempt: spec.attempt };
    const sandbox = new BareSandbox(ref, join(this.#stateDir, ref.id), spec.env, () => this.#sandboxes.delete(ref.id));
    this.#sandboxes.set(ref.id, sandbox);
    return Promise.resolve(sandbox);
  }

  /** Folders that a killed process left are named by their id alone. */
  override list(): Promise<readonly SandboxRef[]> {
    const left = existsSync(this.#stateDir) ? readdirSync(this.#stateDir) : [];
    return Promise.resolve(
      left.map((id) => this.#sandboxes.get(id)?.ref ?? { driver: this.name, id, key: '', attempt: 0 }),
    );
  }

  override async reap(ref: SandboxRef): Promise<void> {
    await this.#sandboxes.get(ref.id)?.destroy();
    if (/^[0-9a-f-]{36}$/.test(ref.id)) rmSync(join(this.#stateDir, ref.id), { recursive: true, force: true });
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.destroy()));
  }
}
