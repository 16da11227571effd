import type { ControlEventBody } from '@sallyport/audit-events';
import type { SessionEvent } from '../domain/session.ts';

/** What the audit log is told of a session's event. */
export function sessionPublication(
  session: { readonly workspaceId: string; readonly environmentId: string; readonly sessionId: string },
  event: SessionEvent,
): ControlEventBody {
  switch (event.type) {
    case 'SessionCreated':
      return { name: 'session_created', body: session };
    case 'SessionArchived':
      return { name: 'session_archived', body: session };
  }
}
