import type { ServerDuplexStream } from '@grpc/grpc-js';
import { executor as wire } from '@sallyport/contracts';
import { type GrpcService, serviceName } from '@sallyport/grpc';
import type { Logger } from '@sallyport/telemetry';
import type { ConnectedExecutors } from '../../application/connected-executors.ts';
import type { ExecutorReports } from '../../application/executor-reports.ts';
import type { KeepLeases } from '../../application/keep-leases.ts';
import type { PlaceWork } from '../../application/place-work.ts';
import type { Registered, RegisterExecutor, Registration } from '../../application/register-executor.ts';
import type { EnvironmentKeys } from '../../ports/environment-keys.ts';
import type { ExecutorTrail } from '../../ports/executor-trail.ts';
import { ExecutorStream, type StreamHost, type StreamLimits } from './executor-stream.ts';
import type { ExecutorStreams } from './executor-streams.ts';

export interface ExecutorHostLimits extends StreamLimits {
  readonly executorsMax: number;
}

export interface ExecutorHostParts {
  readonly streams: ExecutorStreams;
  readonly registration: RegisterExecutor;
  readonly executors: ConnectedExecutors;
  readonly reports: ExecutorReports;
  readonly leases: KeepLeases;
  readonly place: PlaceWork;
  readonly trail: ExecutorTrail;
  readonly keys: EnvironmentKeys;
  readonly log: Logger;
}

const recheckAgainMs = 1_000;
const rechecksAtOnce = 50;

/** What all executors' streams share. */
export class ExecutorHost implements StreamHost {
  readonly reports: ExecutorReports;
  readonly executors: ConnectedExecutors;
  readonly leases: KeepLeases;
  readonly place: PlaceWork;
  readonly limits: ExecutorHostLimits;
  readonly #parts: ExecutorHostParts;
  readonly #streams = new Set<ExecutorStream>();
  /** Let in by a key that may have been revoked while they registered. */
  readonly #unsure = new WeakSet<Registered>();
  #keyChanges = 0;
  #isRechecking = false;
  #recheckTimer: NodeJS.Timeout | undefined;
  #recheckAgain = false;

  constructor(parts: ExecutorHostParts, limits: ExecutorHostLimits) {
    this.#parts = parts;
    this.reports = parts.reports;
    this.executors = parts.executors;
    this.leases = parts.leases;
    this.place = parts.place;
    this.limits = limits;
    parts.keys.onChange(() => {
      this.#keyChanges += 1;
      this.#recheckAll();
    });
  }

  service(): GrpcService {
    const implementation: wire.ExecutorServiceServer = {
      connect: (call: ServerDuplexStream<wire.ConnectRequest, wire.ConnectResponse>) => {
        const stream = new ExecutorStream(this, call);
        this.#streams.add(stream);
        call.once('close', () => this.#streams.delete(stream));
        if (this.#streams.size > this.limits.executorsMax) stream.refuse('too_many_executors');
      },
    };
    return {
      definition: wire.ExecutorServiceService,
      implementation,
      callers: { connect: [serviceName.executor] },
    };
  }

  async register(registration: Registration, stream: ExecutorStream) {
    const keyChanges = this.#keyChanges;
    const registered = await this.#parts.registration.run(registration, Date.now());
    if (!registered.ok) {
      const { executorId } = registration;
      this.#parts.log.warn({ executorId, reason: registered.reason }, 'an executor was turned away');
      return registered;
    }
    if (stream.isOver) {
      await this.#parts.registration.missed(registered.value);
      return registered;
    }
    if (keyChanges !== this.#keyChanges) this.#unsure.add(registered.value);
    this.#parts.streams.add(registered.value.identity.executorId, stream);
    this.#parts.registration.admit(registered.value);
    return registered;
  }

  welcomed(registered: Registered): void {
    const { identity, description, kept } = registered;
    this.#parts.log.info({ ...identity, ...description, kept: kept.length }, 'an executor is connected');
    this.#parts.registration.resume(identity.executorId, kept);
    this.place.hint();
    if (this.#unsure.has(registered)) this.#recheckAll();
  }

  left(stream: ExecutorStream, { identity }: Registered, reason: string): void {
    if (!this.#parts.streams.remove(identity.executorId, stream)) return;
    this.executors.remove(identity.executorId);
    this.#parts.log.info({ ...identity, reason }, 'an executor is gone');
    this.later(this.#parts.trail.disconnected(identity, reason));
  }

  later(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.failed(error));
  }

  failed(error: unknown): void {
    this.#parts.log.error({ err: error }, 'what an executor said could not be dealt with');
  }

  /** Executors end their calls, or come back to the next scheduler in time. */
  stop(): void {
    for (const stream of this.#streams) stream.refuse('shutting_down');
  }

  /** A change that comes during a pass makes another one: what was checked before it may be revoked. */
  #recheckAll(): void {
    clearTimeout(this.#recheckTimer);
    if (this.#isRechecking) this.#recheckAgain = true;
    if (this.#isRechecking) return;
    this.#recheckAgain = false;
    this.#isRechecking = true;
    const done = this.#recheckKeys().finally(() => {
      this.#isRechecking = false;
      if (this.#recheckAgain) this.#recheckAll();
    });
    this.later(done);
  }

  /** A key that was revoked ends what was let in by it, at once. */
  async #recheckKeys(): Promise<void> {
    let isComplete = true;
    const streams = [...this.#streams];
    while (streams.length > 0) {
      const checked = await Promise.all(streams.splice(0, rechecksAtOnce).map((stream) => this.#recheck(stream)));
      if (checked.includes(false)) isComplete = false;
    }
    if (!isComplete) this.#recheckTimer = setTimeout(() => this.#recheckAll(), recheckAgainMs).unref();
  }

  /** False where nobody could say whether the key is good. */
  async #recheck(stream: ExecutorStream): Promise<boolean> {
    const { registered } = stream;
    if (registered === undefined) return true;
    const key = await this.#parts.keys.check(registered.keySha256);
    if (key.ok || stream.isOver) return true;
    if (key.reason !== 'unknown') return false;
    this.#parts.registration.shutOut(registered.identity.executorId);
    stream.refuse('environment_key_revoked');
    return true;
  }
}
