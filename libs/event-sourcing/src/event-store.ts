export interface EventStream<Event> {
  /** Number of events; 0 where the stream does not exist. */
  readonly version: number;
  readonly events: readonly Event[];
}

/** `conflict`: somebody else appended since the stream was read. */
export type AppendOutcome = 'appended' | 'conflict';

/** Streams of one aggregate's events, in the order they were appended. */
export abstract class EventStore<Event> {
  abstract read(streamId: string): Promise<EventStream<Event>>;
  abstract append(streamId: string, expectedVersion: number, events: readonly Event[]): Promise<AppendOutcome>;
}
