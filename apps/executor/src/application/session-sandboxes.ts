import type { Sandbox, SandboxDriver, SandboxSpec } from '@sallyport/sandbox';

import type { Lease, SandboxPlan } from '../domain/protocol-messages.ts';
import type { MonotonicClock } from '../ports/monotonic-clock.ts';
import type { ExecutorSignals } from '../signals.ts';

/** From the offer to the ready sandbox, the end of an earlier one included. */
export const createMsMax = 60_000;
/** How long a driver may take to give up a start. */
const abandonMsMax = 5_000;
const destroyAttemptsMax = 5;
const destroyRetryMs = 500;

export interface SandboxEvents {
  sandboxReady(lease: Lease, startMs: number): void;
  sandboxFailed(lease: Lease): void;
  sandboxDied(lease: Lease): void;
  sandboxGone(lease: Lease): void;
}

interface Entry {
  readonly lease: Lease;
  readonly sessionId: string;
  readonly stop: AbortController;
  /** Settles when it is known whether there is a sandbox. Never rejects. */
  begun: Promise<void>;
  sandbox: Sandbox | undefined;
}

/** The sandboxes of the leases, one after the other for each session. Whether there may be one is not decided here. */
export class SessionSandboxes {
  readonly #driver: SandboxDriver;
  readonly #clock: MonotonicClock;
  readonly #signals: ExecutorSignals;
  readonly #entries = new Map<string, Entry>();
  /** Session → the end of its last sandbox. */
  readonly #endings = new Map<string, Promise<void>>();

  constructor(driver: SandboxDriver, clock: MonotonicClock, signals: ExecutorSignals) {
    this.#driver = driver;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** The sandbox of this very lease. */
  find({ workId, token }: Lease): Sandbox | undefined {
    const entry = this.#entries.get(workId);
    return entry?.lease.token === token ? entry.sandbox : undefined;
  }

  create(lease: Lease, sessionId: string, plan: SandboxPlan, events: SandboxEvents): void {
    const spec: SandboxSpec = { key: sessionId, attempt: Number(lease.token), ...plan, env: {} };
    const entry: Entry = {
      lease,
      sessionId,
      stop: new AbortController(),
      begun: Promise.resolve(),
      sandbox: undefined,
    };
    this.#entries.set(lease.workId, entry);
    entry.begun = this.#begin(entry, spec, events).catch((error: unknown) => this.#signals.bug(error));
  }

  destroy(lease: Lease, events: SandboxEvents): void {
    const entry = this.#entries.get(lease.workId);
    if (entry === undefined || entry.lease.token !== lease.token) return;
    this.#entries.delete(lease.workId);
    entry.stop.abort();
    const ending = this.#endOf(entry, events).catch((error: unknown) => this.#signals.bug(error));
    const { sessionId } = entry;
    this.#endings.set(sessionId, ending);
    void ending.then(() => {
      if (this.#endings.get(sessionId) === ending) this.#endings.delete(sessionId);
    });
  }

  /** Destroys whatever there is, once what is being destroyed is gone or `graceMs` have passed. */
  async close(graceMs: number): Promise<void> {
    await settled(Promise.all(this.#endings.values()), AbortSignal.timeout(graceMs));
    await settled(this.#driver.close(), AbortSignal.timeout(graceMs));
  }

  async #begin(entry: Entry, spec: SandboxSpec, events: SandboxEvents): Promise<void> {
    const beganAtMs = this.#clock.nowMs();
    const signal = AbortSignal.any([entry.stop.signal, AbortSignal.timeout(createMsMax)]);
    const earlier = this.#endings.get(entry.sessionId);
    if (earlier !== undefined) await settled(earlier, signal);
    if (entry.stop.signal.aborted) return;
    try {
      signal.throwIfAborted();
      entry.sandbox = await this.#start(spec, signal);
    } catch (error) {
      if (entry.stop.signal.aborted) return;
      this.#signals.sandboxFailed(entry.lease, error);
      events.sandboxFailed(entry.lease);
      return;
    }
    if (entry.stop.signal.aborted) return;
    const startMs = Math.round(this.#clock.nowMs() - beganAtMs);
    entry.sandbox.lost.then(
      (reason) => {
        if (entry.stop.signal.aborted) return;
        this.#signals.sandboxDied(entry.lease, reason);
        events.sandboxDied(entry.lease);
      },
      (error: unknown) => this.#signals.bug(error),
    );
    this.#signals.sandboxReady(entry.lease, startMs);
    events.sandboxReady(entry.lease, startMs);
  }

  /** A driver that does not give up in time is not waited for; what it may make then is destroyed. */
  async #start(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    let isAbandoned = false;
    const started = this.#driver.create(spec, { signal });
    started.then(
      (sandbox) => (isAbandoned ? sandbox.destroy().catch((error: unknown) => this.#signals.bug(error)) : undefined),
      () => undefined,
    );
    return new Promise((resolve, reject) => {
      signal.addEventListener(
        'abort',
        () => {
          const timer = setTimeout(() => {
            isAbandoned = true;
            reject(new Error('the driver did not give up a start in time'));
          }, abandonMsMax);
          void started.then(
            () => clearTimeout(timer),
            () => clearTimeout(timer),
          );
        },
        { once: true },
      );
      started.then(resolve, reject);
    });
  }

  async #endOf(entry: Entry, events: SandboxEvents): Promise<void> {
    await entry.begun;
    const { sandbox, lease } = entry;
    if (sandbox !== undefined && !(await this.#destroyed(sandbox, lease))) return;
    this.#signals.sandboxGone(lease, sandbox !== undefined);
    events.sandboxGone(lease);
  }

  /** False where it could not be destroyed: its slot stays taken, and the sweep of the next start tries again. */
  async #destroyed(sandbox: Sandbox, lease: Lease): Promise<boolean> {
    for (let attempt = 1; attempt <= destroyAttemptsMax; attempt += 1) {
      try {
        await sandbox.destroy();
        return true;
      } catch (error) {
        this.#signals.sandboxStuck(lease, error);
        await new Promise((resolve) => setTimeout(resolve, destroyRetryMs));
      }
    }
    return false;
  }
}

/** Resolves when the work is done, has failed, or is not waited for any more. */
function settled(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    work.then(
      () => resolve(),
      () => resolve(),
    );
  });
}
