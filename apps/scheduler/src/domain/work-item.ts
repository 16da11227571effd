import type { Decider } from '@sallyport/event-sourcing';
import { fail, ok } from '@sallyport/result';

/** Why a lease ended. All but the last mean that the session's sandbox, and with it files and shell state, is gone. */
export type LeaseEnd =
  | 'lease_expired'
  | 'sandbox_died'
  | 'start_failed'
  | 'executor_stopping'
  | 'executor_unresponsive'
  | 'environment_key_revoked'
  | 'session_idle'
  | 'session_ended'
  | 'declined';

export type WorkItemState =
  | { readonly status: 'none' }
  | { readonly status: 'queued'; readonly token: number }
  | { readonly status: 'leased'; readonly token: number; readonly executorId: string; readonly isReady: boolean }
  | { readonly status: 'stopped'; readonly token: number };

export type WorkItemCommand =
  | {
      readonly type: 'QueueWork';
      readonly sessionId: string;
      readonly environmentId: string;
      /** The highest token that a claim of this session ever had. */
      readonly lastToken: number;
      readonly atMs: number;
    }
  | { readonly type: 'ClaimWork'; readonly executorId: string; readonly atMs: number }
  | { readonly type: 'ReportReady'; readonly token: number; readonly startMs: number; readonly atMs: number }
  | {
      readonly type: 'EndLease';
      readonly token: number;
      readonly reason: LeaseEnd;
      /** Somebody waits for the session: the item goes back into the queue. */
      readonly requeue: boolean;
      readonly atMs: number;
    }
  | { readonly type: 'StopWork'; readonly atMs: number };

export type WorkItemEvent =
  | {
      readonly type: 'WorkQueued';
      readonly sessionId: string;
      readonly environmentId: string;
      readonly lastToken: number;
      readonly atMs: number;
    }
  | { readonly type: 'WorkClaimed'; readonly executorId: string; readonly token: number; readonly atMs: number }
  | { readonly type: 'SandboxStarted'; readonly token: number; readonly startMs: number; readonly atMs: number }
  | {
      readonly type: 'LeaseEnded';
      readonly token: number;
      readonly executorId: string;
      readonly reason: LeaseEnd;
      readonly requeued: boolean;
      readonly atMs: number;
    }
  | { readonly type: 'WorkStopped'; readonly atMs: number };

/** `token-fenced`: another claim has been made since, or the lease is over. Whoever is told so must let go of the session. */
export type WorkItemRefusal = 'work-exists' | 'work-unknown' | 'not-queued' | 'still-leased' | 'token-fenced';

/**
 * A session's need for a sandbox, and who serves it. At most one executor holds a claim; each claim has a higher token than every one before it in
 * the same session, and a write with another token than the current one changes nothing.
 */
export const workItemDecider: Decider<WorkItemState, WorkItemCommand, WorkItemEvent, WorkItemRefusal> = {
  initialState: { status: 'none' },
  decide(state, command) {
    const { atMs } = command;
    switch (command.type) {
      case 'QueueWork': {
        if (state.status !== 'none') return fail('work-exists');
        const { sessionId, environmentId, lastToken } = command;
        return ok([{ type: 'WorkQueued', sessionId, environmentId, lastToken, atMs }]);
      }
      case 'ClaimWork':
        if (state.status !== 'queued') return fail('not-queued');
        return ok([{ type: 'WorkClaimed', executorId: command.executorId, token: state.token + 1, atMs }]);
      case 'ReportReady':
        if (state.status !== 'leased' || state.token !== command.token) return fail('token-fenced');
        return ok(
          state.isReady ? [] : [{ type: 'SandboxStarted', token: state.token, startMs: command.startMs, atMs }],
        );
      case 'EndLease': {
        if (state.status !== 'leased' || state.token !== command.token) return fail('token-fenced');
        const { token, executorId } = state;
        const ended = { token, executorId, reason: command.reason, requeued: command.requeue, atMs };
        const events: WorkItemEvent[] = [{ type: 'LeaseEnded', ...ended }];
        if (!command.requeue) events.push({ type: 'WorkStopped', atMs });
        return ok(events);
      }
      case 'StopWork':
        if (state.status === 'none') return fail('work-unknown');
        if (state.status === 'leased') return fail('still-leased');
        return ok(state.status === 'stopped' ? [] : [{ type: 'WorkStopped', atMs }]);
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'WorkQueued':
        return { status: 'queued', token: event.lastToken };
      case 'WorkClaimed':
        return { status: 'leased', token: event.token, executorId: event.executorId, isReady: false };
      case 'SandboxStarted':
        return state.status === 'leased' ? { ...state, isReady: true } : state;
      case 'LeaseEnded':
        return { status: 'queued', token: event.token };
      case 'WorkStopped':
        return { status: 'stopped', token: state.status === 'none' ? 0 : state.token };
    }
  },
};
