import type { SessionEvent } from '../domain/session.ts';
import type { WorkItemEvent } from '../domain/work-item.ts';

export interface HistoryEntry {
  /** As far as there is one, the name of the Managed Agents API. */
  readonly type: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

/** What people and programs that follow a session see of its events; undefined for what tells them nothing. */
export function sessionHistory(event: SessionEvent | WorkItemEvent): HistoryEntry | undefined {
  switch (event.type) {
    case 'SessionCreated':
      return { type: 'session.created', detail: {} };
    case 'SessionArchived':
      return { type: 'session.status_terminated', detail: {} };
    case 'WorkQueued':
      return { type: 'session.status_rescheduled', detail: {} };
    case 'WorkClaimed':
      return { type: 'session.sandbox_claimed', detail: { executor_id: event.executorId, lease_token: event.token } };
    case 'SandboxStarted':
      return { type: 'session.status_running', detail: { lease_token: event.token, start_ms: event.startMs } };
    case 'LeaseEnded':
      return { type: 'session.status_idle', detail: { lease_token: event.token, reason: event.reason } };
    case 'WorkStopped':
      return undefined;
  }
}
