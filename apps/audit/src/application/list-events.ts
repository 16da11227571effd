import { type Result, fail, ok } from '@sallyport/result';
import { type PageCursor, decodeCursor, encodeCursor } from '../domain/page-cursor.ts';
import type { EventFilter, LedgerEvent, LedgerReader } from '../ports/ledger-reader.ts';

export interface EventPageRequest {
  readonly filter: EventFilter;
  /** 1 to 1000. */
  readonly limit: number;
  /** Empty for the first page. */
  readonly page: string;
  readonly newestFirst: boolean;
}

/** A page ends early where its envelopes together are this long, so that an answer stays below what gRPC takes. */
const pageCharactersMax = 1_000_000;

export interface EventPage {
  readonly events: readonly LedgerEvent[];
  /** Empty at the end. */
  readonly nextPage: string;
}

/**
 * Pages through the events of all logs. Within a log the order is the log's; logs are merged by time, head against head. The page token holds a place
 * per log, so that no page repeats or skips an event, whatever comes in between.
 */
export class ListEvents {
  readonly #reader: LedgerReader;
  readonly #topics: readonly string[];

  constructor(reader: LedgerReader, topics: readonly string[]) {
    this.#reader = reader;
    this.#topics = topics;
  }

  async run(request: EventPageRequest): Promise<Result<EventPage, 'page'>> {
    const cursor = request.page === '' ? ok(new Map<string, number>()) : decodeCursor(request.page, this.#topics);
    if (!cursor.ok) return fail('page');
    const { limit, newestFirst } = request;
    const logs = await Promise.all(
      this.#topics.map((topic) =>
        this.#reader.range(request.filter, {
          topic,
          from: cursor.value.get(topic),
          newestFirst,
          limit: limit + 1,
        }),
      ),
    );
    const events = merge(logs, limit, newestFirst);
    const isLast = events.length === logs.reduce((sum, log) => sum + log.length, 0);
    return ok({ events, nextPage: isLast ? '' : encodeCursor(this.#after(cursor.value, logs, events, newestFirst)) });
  }

  #after(
    before: PageCursor,
    logs: readonly (readonly LedgerEvent[])[],
    events: readonly LedgerEvent[],
    newestFirst: boolean,
  ): PageCursor {
    const after = new Map<string, number>();
    for (const [at, topic] of this.#topics.entries()) {
      const last = events.findLast((event) => event.topic === topic)?.leafIndex;
      const start = before.get(topic) ?? (newestFirst ? topOf(logs[at]) : 0);
      after.set(topic, last === undefined ? start : newestFirst ? last : last + 1);
    }
    return after;
  }
}

/** Above every event that was there when the first page was made: later pages must not show newer ones. */
function topOf(log: readonly LedgerEvent[] | undefined): number {
  return (log?.[0]?.leafIndex ?? -1) + 1;
}

function merge(logs: readonly (readonly LedgerEvent[])[], limit: number, newestFirst: boolean): LedgerEvent[] {
  const heads = logs.map(() => 0);
  const merged: LedgerEvent[] = [];
  let characters = 0;
  while (merged.length < limit && characters < pageCharactersMax) {
    let best: { readonly event: LedgerEvent; readonly log: number } | undefined;
    for (const [log, events] of logs.entries()) {
      const event = events[heads[log] ?? 0];
      if (event === undefined) continue;
      const isBetter =
        best === undefined || (newestFirst ? event.timeMs > best.event.timeMs : event.timeMs < best.event.timeMs);
      if (isBetter) best = { event, log };
    }
    if (best === undefined) break;
    merged.push(best.event);
    characters += best.event.envelope.length;
    heads[best.log] = (heads[best.log] ?? 0) + 1;
  }
  return merged;
}
