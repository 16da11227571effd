export { type Decider, type Decision } from './decider.ts';
export { type AppendOutcome, EventStore, type EventStream } from './event-store.ts';
export { type CommandRefusal, handleCommand } from './handle-command.ts';
export { InMemoryEventStore } from './in-memory-event-store.ts';
