import type { Decider } from '@sallyport/event-sourcing';
import { fail, ok } from '@sallyport/result';

export interface SessionFacts {
  readonly workspaceId: string;
  readonly environmentId: string;
  readonly title: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export type SessionState =
  | { readonly status: 'none' }
  | { readonly status: 'open'; readonly facts: SessionFacts }
  | { readonly status: 'terminated'; readonly facts: SessionFacts };

export type SessionCommand =
  | {
      readonly type: 'CreateSession';
      readonly facts: SessionFacts;
      /** Of the environment, as it was read. */
      readonly environmentArchived: boolean;
      readonly atMs: number;
    }
  | { readonly type: 'ArchiveSession'; readonly atMs: number };

export type SessionEvent =
  | { readonly type: 'SessionCreated'; readonly facts: SessionFacts; readonly atMs: number }
  | { readonly type: 'SessionArchived'; readonly atMs: number };

export type SessionRefusal = 'session-exists' | 'session-unknown' | 'environment-archived';

export const sessionDecider: Decider<SessionState, SessionCommand, SessionEvent, SessionRefusal> = {
  initialState: { status: 'none' },
  decide(state, command) {
    switch (command.type) {
      case 'CreateSession':
        if (state.status !== 'none') return fail('session-exists');
        if (command.environmentArchived) return fail('environment-archived');
        return ok([{ type: 'SessionCreated', facts: command.facts, atMs: command.atMs }]);
      case 'ArchiveSession':
        if (state.status === 'none') return fail('session-unknown');
        return ok(state.status === 'terminated' ? [] : [{ type: 'SessionArchived', atMs: command.atMs }]);
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'SessionCreated':
        return { status: 'open', facts: event.facts };
      case 'SessionArchived':
        return state.status === 'none' ? state : { status: 'terminated', facts: state.facts };
    }
  },
};
