import type { Decider } from '@sallyport/event-sourcing';
import { fail, ok } from '@sallyport/result';

/** Which executors may run an environment's sessions, and how much of each they may take. Zero means the executor's own limit. */
export interface PlacementRules {
  /** The isolation that an executor must have proved. `none`: calls may run on the bare host. */
  readonly tier: 'none' | 'namespace';
  /** Empty means any. */
  readonly region: string;
  readonly runtime: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly memoryMib: number;
  readonly pids: number;
  readonly cpuMillis: number;
  readonly workspaceMib: number;
}

export interface EnvironmentFacts {
  readonly workspaceId: string;
  readonly name: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly placement: PlacementRules;
  /** Every workspace may have sessions in it, not only the one that it belongs to. */
  readonly organization: boolean;
}

export type EnvironmentState =
  | { readonly status: 'none' }
  | { readonly status: 'active'; readonly facts: EnvironmentFacts }
  | { readonly status: 'archived'; readonly facts: EnvironmentFacts };

export type EnvironmentCommand =
  | { readonly type: 'CreateEnvironment'; readonly facts: EnvironmentFacts; readonly atMs: number }
  | { readonly type: 'ArchiveEnvironment'; readonly atMs: number };

export type EnvironmentEvent =
  | { readonly type: 'EnvironmentCreated'; readonly facts: EnvironmentFacts; readonly atMs: number }
  | { readonly type: 'EnvironmentArchived'; readonly atMs: number };

export type EnvironmentRefusal = 'environment-exists' | 'environment-unknown';

export const environmentDecider: Decider<EnvironmentState, EnvironmentCommand, EnvironmentEvent, EnvironmentRefusal> = {
  initialState: { status: 'none' },
  decide(state, command) {
    switch (command.type) {
      case 'CreateEnvironment':
        if (state.status !== 'none') return fail('environment-exists');
        return ok([{ type: 'EnvironmentCreated', facts: command.facts, atMs: command.atMs }]);
      case 'ArchiveEnvironment':
        if (state.status === 'none') return fail('environment-unknown');
        return ok(state.status === 'archived' ? [] : [{ type: 'EnvironmentArchived', atMs: command.atMs }]);
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'EnvironmentCreated':
        return { status: 'active', facts: event.facts };
      case 'EnvironmentArchived':
        return state.status === 'none' ? state : { status: 'archived', facts: state.facts };
    }
  },
};
