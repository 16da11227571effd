import type { ExecutorHost } from './adapters/grpc/executor-host.ts';
import { recoverLeases } from './application/recover-leases.ts';
import type { SessionMachinery } from './application/session-machinery.ts';
import type { WorkQueue } from './ports/work-queue.ts';

const placeEveryMs = 1_000;
/** What a stop leaves for writing the ends of calls. */
const endMsMax = 2_000;

/**
 * Before anybody may call: what an earlier process left. At a stop: no new calls, those that run may end; executors keep their sandboxes and come
 * back to the next process.
 */
export class SchedulerLifecycle {
  readonly #machinery: SessionMachinery;
  readonly #host: ExecutorHost;
  readonly #queue: WorkQueue;
  #timer: NodeJS.Timeout | undefined;

  constructor(machinery: SessionMachinery, host: ExecutorHost, queue: WorkQueue) {
    this.#machinery = machinery;
    this.#host = host;
    this.#queue = queue;
  }

  async start(): Promise<void> {
    const { directory: sessions, begin, place, executors, leases } = this.#machinery;
    await recoverLeases({ queue: this.#queue, sessions, begin, executors });
    leases.start();
    // Notifications are hints; what was missed is found here.
    this.#timer = setInterval(() => place.hint(), placeEveryMs);
  }

  async stop(drainMs: number): Promise<void> {
    const { callTool, lanes, leases, demand } = this.#machinery;
    callTool.refuse();
    clearInterval(this.#timer);
    const running = Promise.all(lanes.openCalls.map((call) => call.ended));
    await Promise.race([running, pause(drainMs - endMsMax)]);
    const told = { text: '', isError: true, message: 'The scheduler was stopped during the call.' };
    const ending = { status: 'transport_error', effect: 'unknown', code: 'scheduler_stopped' } as const;
    await Promise.all(lanes.openCalls.map((call) => call.end('failed', ending, told)));
    await leases.stop();
    this.#host.stop();
    await demand.settled();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)).unref());
}
