import type { ControlEventWriter } from '@sallyport/audit-outbox';
import type { EventStore } from '@sallyport/event-sourcing';
import { PgEventStore } from '@sallyport/event-store-pg';
import type pg from 'pg';
import type { SessionEvent } from '../../domain/session.ts';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';
import type { Page, PageRequest } from '../../ports/environments.ts';
import { type SessionHistoryEvent, Sessions, type SessionView } from '../../ports/sessions.ts';
import { sessionPublication } from '../../projections/session-publication.ts';
import { insertHistory } from './insert-history.ts';
import { pageOf } from './page-of.ts';

interface SessionRow {
  readonly session_id: string;
  readonly position: string;
  readonly workspace_id: string;
  readonly environment_id: string;
  readonly title: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: SessionView['status'];
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly archived_at: Date | null;
}

interface HistoryRow {
  readonly event_id: string;
  readonly position: string;
  readonly type: string;
  readonly detail: Readonly<Record<string, string | number>>;
  readonly at: Date;
}

/** Stored as they are; a shape that changes gets its upcast here. */
const codec = {
  encode: ({ type, ...data }: SessionEvent) => ({ type, data }),
  decode: (type: string, data: unknown) => ({ ...(data as object), type }) as SessionEvent,
};

export class PgSessions extends Sessions {
  readonly #pool: pg.Pool;
  readonly #events: ControlEventWriter;
  readonly #ids: ClockAndIds;

  constructor(pool: pg.Pool, events: ControlEventWriter, ids: ClockAndIds) {
    super();
    this.#pool = pool;
    this.#events = events;
    this.#ids = ids;
  }

  override as(actorId: string): EventStore<SessionEvent> {
    return new PgEventStore<SessionEvent>(this.#pool, codec, async (client, sessionId, events) => {
      for (const event of events) await project(client, sessionId, event);
      await insertHistory(client, this.#ids, sessionId, events);
      const { rows } = await client.query<{ workspace_id: string; environment_id: string }>(
        'select workspace_id, environment_id from session where session_id = $1',
        [sessionId],
      );
      const [row] = rows;
      const session = { sessionId, workspaceId: row?.workspace_id ?? '', environmentId: row?.environment_id ?? '' };
      await this.#events.write(
        client,
        actorId,
        events.map((event) => sessionPublication(session, event)),
      );
    });
  }

  override async find(sessionId: string): Promise<SessionView | undefined> {
    const { rows } = await this.#pool.query<SessionRow>('select * from session where session_id = $1', [sessionId]);
    return rows[0] === undefined ? undefined : toView(rows[0]);
  }

  override async page(
    request: PageRequest & { readonly environmentId: string | undefined },
  ): Promise<Page<SessionView>> {
    const { rows } = await this.#pool.query<SessionRow>(
      `select * from session where workspace_id = $1 and ($2::bigint is null or position < $2) and ($3 or archived_at is null)
        and ($4::text is null or environment_id = $4) order by position desc limit $5`,
      [
        request.workspaceId,
        request.before ?? null,
        request.includeArchived,
        request.environmentId ?? null,
        request.limit + 1,
      ],
    );
    return pageOf(rows, request.limit, toView);
  }

  override async history(
    sessionId: string,
    limit: number,
    after: bigint | undefined,
  ): Promise<Page<SessionHistoryEvent>> {
    const { rows } = await this.#pool.query<HistoryRow>(
      `select * from session_event where session_id = $1 and ($2::bigint is null or position > $2) order by position limit $3`,
      [sessionId, after ?? null, limit + 1],
    );
    return pageOf(rows, limit, (row) => ({
      eventId: row.event_id,
      type: row.type,
      atMs: row.at.getTime(),
      detail: row.detail,
    }));
  }
}

async function project(client: pg.PoolClient, sessionId: string, event: SessionEvent): Promise<void> {
  const at = new Date(event.atMs);
  switch (event.type) {
    case 'SessionCreated': {
      const { workspaceId, environmentId, title, metadata } = event.facts;
      await client.query(
        `insert into session (session_id, workspace_id, environment_id, title, metadata, status, created_at, updated_at)
          values ($1, $2, $3, $4, $5, 'idle', $6, $6)`,
        [sessionId, workspaceId, environmentId, title, metadata, at],
      );
      return;
    }
    case 'SessionArchived':
      await client.query(
        `update session set status = 'terminated', archived_at = $2, updated_at = $2 where session_id = $1`,
        [sessionId, at],
      );
  }
}

function toView(row: SessionRow): SessionView {
  return {
    sessionId: row.session_id,
    workspaceId: row.workspace_id,
    environmentId: row.environment_id,
    title: row.title,
    metadata: row.metadata,
    status: row.status,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
    archivedAtMs: row.archived_at?.getTime() ?? 0,
  };
}
