import { type Result, fail } from '@sallyport/result';
import type { CommitRefusal, EventWrite } from './event-write.ts';

export type CommitResult = Result<void, CommitRefusal>;

export class WaitingWrite {
  readonly write: EventWrite;
  readonly deadlineMs: number;
  readonly answer: Promise<CommitResult>;
  /** In the statement under way, or in one whose outcome is not known yet. */
  inFlight = false;
  settled = false;
  readonly #resolve: (result: CommitResult) => void;
  readonly #reject: (error: Error) => void;

  constructor(write: EventWrite, deadlineMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<CommitResult>();
    this.write = write;
    this.deadlineMs = deadlineMs;
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  settle(result: CommitResult): void {
    this.settled = true;
    this.#resolve(result);
  }

  reject(error: Error): void {
    this.settled = true;
    this.#reject(error);
  }
}

/** Writes in their order, each answered by its deadline whatever the database does. */
export class WaitingWrites {
  readonly #waitMsMax: number;
  #waiting: WaitingWrite[] = [];
  /** In the order of their deadlines. */
  readonly #unsettled = new Set<WaitingWrite>();
  #expiry: NodeJS.Timeout | undefined;

  constructor(waitMsMax: number) {
    this.#waitMsMax = waitMsMax;
  }

  get count(): number {
    return this.#waiting.length;
  }

  get hasAnyToRefuseWhenFull(): boolean {
    return this.#waiting.some(({ write }) => isRefusedWhenFull(write));
  }

  add(write: EventWrite): Promise<CommitResult> {
    const entry = new WaitingWrite(write, performance.now() + this.#waitMsMax);
    this.#waiting.push(entry);
    this.#unsettled.add(entry);
    this.#arm();
    return entry.answer.finally(() => this.#unsettled.delete(entry));
  }

  /** The next group, no call closed twice in it: the second close has to find the row gone. */
  takeGroup(eventsMax: number): WaitingWrite[] {
    const closes = new Set<string>();
    let events = 0;
    let count = 0;
    for (const { write } of this.#waiting) {
      events += write.events.length;
      if (count > 0 && events > eventsMax) break;
      if (write.close !== undefined) {
        if (closes.has(write.close)) break;
        closes.add(write.close);
      }
      count += 1;
    }
    const group = this.#waiting.splice(0, count);
    for (const entry of group) entry.inFlight = true;
    return group;
  }

  /** Writes that were certainly not committed wait again, ahead of the others. */
  putBack(entries: readonly WaitingWrite[]): void {
    for (const entry of entries) entry.inFlight = false;
    this.#waiting = [...entries.filter((entry) => !entry.settled), ...this.#waiting];
  }

  refuseWhenFull(): number {
    const refused = this.#waiting.filter(({ write }) => isRefusedWhenFull(write));
    this.#waiting = this.#waiting.filter(({ write }) => !isRefusedWhenFull(write));
    for (const entry of refused) entry.settle(fail('outbox_full'));
    return refused.length;
  }

  refuseAll(): void {
    for (const entry of this.#waiting.splice(0)) entry.settle(fail('unavailable'));
  }

  #arm(): void {
    const [next] = this.#unsettled;
    if (this.#expiry !== undefined || next === undefined) return;
    const expire = () => {
      this.#expiry = undefined;
      this.#expire();
      this.#arm();
    };
    this.#expiry = setTimeout(expire, Math.max(1, next.deadlineMs - performance.now()));
  }

  #expire(): void {
    const nowMs = performance.now();
    for (const entry of this.#unsettled) {
      if (entry.deadlineMs > nowMs) break;
      this.#unsettled.delete(entry);
      if (!entry.settled) entry.settle(fail(entry.inFlight ? 'outcome_unknown' : 'unavailable'));
    }
    this.#waiting = this.#waiting.filter((entry) => !entry.settled);
  }
}

function isRefusedWhenFull(write: EventWrite): boolean {
  return (write.whenFull ?? (write.close === undefined ? 'refuse' : 'accept')) === 'refuse';
}
