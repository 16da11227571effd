import { type AppendOutcome, EventStore, type EventStream } from './event-store.ts';

/** For tests of what is decided, without a database. */
export class InMemoryEventStore<Event> extends EventStore<Event> {
  readonly #streams = new Map<string, readonly Event[]>();

  override read(streamId: string): Promise<EventStream<Event>> {
    const events = this.#streams.get(streamId) ?? [];
    return Promise.resolve({ version: events.length, events });
  }

  override append(streamId: string, expectedVersion: number, events: readonly Event[]): Promise<AppendOutcome> {
    const known = this.#streams.get(streamId) ?? [];
    if (known.length !== expectedVersion) return Promise.resolve('conflict');
    this.#streams.set(streamId, [...known, ...events]);
    return Promise.resolve('appended');
  }
}
