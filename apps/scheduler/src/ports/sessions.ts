import type { EventStore } from '@sallyport/event-sourcing';
import type { SessionEvent, SessionFacts } from '../domain/session.ts';
import type { Page, PageRequest } from './environments.ts';

export interface SessionView extends SessionFacts {
  readonly sessionId: string;
  readonly status: 'idle' | 'running' | 'terminated';
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** 0 for never. */
  readonly archivedAtMs: number;
}

export interface SessionHistoryEvent {
  readonly eventId: string;
  readonly type: string;
  readonly atMs: number;
  readonly detail: Readonly<Record<string, string | number>>;
}

/** Sessions as they are now, their streams, and what they have gone through. */
export abstract class Sessions {
  /** Changes are events of this actor in the audit log, written in the same transaction. */
  abstract as(actorId: string): EventStore<SessionEvent>;
  abstract find(sessionId: string): Promise<SessionView | undefined>;
  abstract page(request: PageRequest & { readonly environmentId: string | undefined }): Promise<Page<SessionView>>;
  /** Oldest first. */
  abstract history(sessionId: string, limit: number, after: bigint | undefined): Promise<Page<SessionHistoryEvent>>;
}
