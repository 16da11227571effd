import type { ControlEventBody } from '@sallyport/audit-events';
import type { WorkItemEvent } from '../domain/work-item.ts';

export interface WorkFacts {
  readonly workId: string;
  readonly sessionId: string;
  readonly environmentId: string;
  readonly workspaceId: string;
}

/** What the audit log is told of a work item's event: who got a session and who lost it. */
export function workPublication(work: WorkFacts, event: WorkItemEvent): ControlEventBody | undefined {
  const { workId, sessionId, environmentId, workspaceId } = work;
  const ids = { workId, sessionId, environmentId, workspaceId };
  switch (event.type) {
    case 'WorkClaimed':
      return { name: 'lease_claimed', body: { ...ids, executorId: event.executorId, leaseToken: event.token } };
    case 'LeaseEnded':
      return {
        name: 'lease_ended',
        body: { ...ids, executorId: event.executorId, leaseToken: event.token, reason: event.reason },
      };
    case 'WorkQueued':
    case 'SandboxStarted':
    case 'WorkStopped':
      return undefined;
  }
}
