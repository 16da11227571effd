import type { EventWrite } from './event-write.ts';

export interface StampedEvent {
  readonly topic: string;
  readonly key: string;
  readonly eventId: string;
  readonly value: string;
}

/** A group of writes with their sequences: `last` is what the source's row says once it is committed. */
export interface StampedBatch<Entry> {
  readonly entries: readonly Entry[];
  readonly events: readonly StampedEvent[];
  readonly expected: bigint;
  readonly last: bigint;
  /** Entries beyond `bytesMax`, for the next batch. */
  readonly left: readonly Entry[];
}

export interface StampFrom {
  readonly source: string;
  readonly expected: bigint;
  /** Of the values together; one write may exceed it alone. */
  readonly bytesMax: number;
}

/**
 * Gives the events of the writes the sequences after `expected`. A write whose `build` throws is left out and handed to `onBroken`;
 * it takes no sequence.
 */
export function stampBatch<Entry extends { readonly write: EventWrite }>(
  { source, expected, bytesMax }: StampFrom,
  entries: readonly Entry[],
  onBroken: (entry: Entry, error: unknown) => void,
): StampedBatch<Entry> {
  const kept: Entry[] = [];
  const events: StampedEvent[] = [];
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    if (bytes >= bytesMax) return batchOf(expected, kept, events, entries.slice(at));
    const before = events.length;
    try {
      for (const draft of entry.write.events) {
        const sequence = expected + BigInt(events.length) + 1n;
        const { topic, key, eventId } = draft;
        events.push({ topic, key, eventId, value: draft.build({ source, sequence }) });
      }
      kept.push(entry);
      for (const event of events.slice(before)) bytes += event.value.length;
    } catch (error) {
      events.length = before;
      onBroken(entry, error);
    }
  }
  return batchOf(expected, kept, events, []);
}

function batchOf<Entry>(
  expected: bigint,
  entries: Entry[],
  events: StampedEvent[],
  left: Entry[],
): StampedBatch<Entry> {
  return { entries, events, expected, last: expected + BigInt(events.length), left };
}
