import { type EventFilter, type LedgerEvent, type LedgerReader, noFilter } from '../ports/ledger-reader.ts';
import type { EventTail, TailSubscription } from './event-tail.ts';

/** Follows the ledger: the newest events first, then those that come, none twice and none left out. */
export class FollowEvents {
  readonly #reader: LedgerReader;
  readonly #tail: EventTail;
  readonly #topics: readonly string[];

  constructor(reader: LedgerReader, tail: EventTail, topics: readonly string[]) {
    this.#reader = reader;
    this.#tail = tail;
    this.#topics = topics;
  }

  /** Ends with `fell-behind` or `closed`. Abort `signal` to leave. `backlog` is 0 to 1000. */
  async *run(
    workspace: string,
    backlog: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly LedgerEvent[], 'fell-behind' | 'closed'> {
    // Subscribed before the backlog is read: what is committed in between comes in both, and is dropped here.
    const subscription = this.#tail.subscribe(workspace);
    const close = () => subscription.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    try {
      const sent = new Map<string, number>();
      const newest = backlog === 0 ? [] : await this.#newest(workspace, backlog);
      for (const { topic, leafIndex } of newest) sent.set(topic, Math.max(sent.get(topic) ?? -1, leafIndex));
      if (newest.length > 0) yield newest;
      return yield* this.#coming(subscription, sent);
    } finally {
      signal.removeEventListener('abort', close);
      subscription.close();
    }
  }

  async *#coming(
    subscription: TailSubscription,
    sent: ReadonlyMap<string, number>,
  ): AsyncGenerator<readonly LedgerEvent[], 'fell-behind' | 'closed'> {
    for (;;) {
      const events = await subscription.next();
      if (typeof events === 'string') return events;
      const fresh = events.filter(({ topic, leafIndex }) => leafIndex > (sent.get(topic) ?? -1));
      if (fresh.length > 0) yield fresh;
    }
  }

  async #newest(workspace: string, count: number): Promise<LedgerEvent[]> {
    const filter: EventFilter = { ...noFilter, workspace };
    const logs = await Promise.all(
      this.#topics.map((topic) =>
        this.#reader.range(filter, { topic, from: undefined, newestFirst: true, limit: count }),
      ),
    );
    const byTime = (left: LedgerEvent, right: LedgerEvent) =>
      left.topic === right.topic ? left.leafIndex - right.leafIndex : left.timeMs - right.timeMs;
    return logs.flat().sort(byTime).slice(-count);
  }
}
