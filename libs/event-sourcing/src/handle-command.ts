import { fail, ok, type Result } from '@sallyport/result';
import type { Decider } from './decider.ts';
import type { EventStore } from './event-store.ts';

/** `contended`: other writers were faster every time. */
export type CommandRefusal<Refusal> = Refusal | 'contended';

const attemptsMax = 5;

/** Loads, decides, appends; decides again where the stream has moved on meanwhile, at most `attemptsMax` times. Gives the state after it. */
export async function handleCommand<State, Command, Event, Refusal>(
  store: EventStore<Event>,
  decider: Decider<State, Command, Event, Refusal>,
  streamId: string,
  command: Command,
): Promise<Result<State, CommandRefusal<Refusal>>> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const { version, events } = await store.read(streamId);
    const state = events.reduce(decider.evolve, decider.initialState);
    const decision = decider.decide(state, command);
    if (!decision.ok) return decision;
    if (decision.value.length === 0) return ok(state);
    if ((await store.append(streamId, version, decision.value)) === 'appended')
      return ok(decision.value.reduce(decider.evolve, state));
  }
  return fail('contended');
}
