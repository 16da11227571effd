import type pg from 'pg';
import type { SessionEvent } from '../../domain/session.ts';
import type { WorkItemEvent } from '../../domain/work-item.ts';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';
import { sessionHistory } from '../../projections/session-history.ts';

/** Adds to what a session has gone through, in the transaction of what it tells of. */
export async function insertHistory(
  client: pg.ClientBase,
  ids: ClockAndIds,
  sessionId: string,
  events: readonly (SessionEvent | WorkItemEvent)[],
): Promise<void> {
  for (const event of events) {
    const entry = sessionHistory(event);
    if (entry === undefined) continue;
    await client.query(
      'insert into session_event (event_id, session_id, type, detail, at) values ($1, $2, $3, $4, $5)',
      [ids.id('sevt'), sessionId, entry.type, entry.detail, new Date(event.atMs)],
    );
  }
}
