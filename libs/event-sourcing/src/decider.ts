import type { Result } from '@sallyport/result';

/** The events that a command leads to, or why it is refused. Accepting without an event is allowed: the command had been done before. */
export type Decision<Event, Refusal> = Result<readonly Event[], Refusal>;

/** An aggregate as three pure functions. Time, ids and randomness arrive in the command. */
export interface Decider<State, Command, Event, Refusal> {
  readonly initialState: State;
  readonly decide: (state: State, command: Command) => Decision<Event, Refusal>;
  readonly evolve: (state: State, event: Event) => State;
}
