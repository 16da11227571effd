import type { ControlEventWriter } from '@sallyport/audit-outbox';
import type { EventStore } from '@sallyport/event-sourcing';
import { PgEventStore } from '@sallyport/event-store-pg';
import type pg from 'pg';
import type { EnvironmentEvent, PlacementRules } from '../../domain/environment.ts';
import { Environments, type EnvironmentView, type Page, type PageRequest } from '../../ports/environments.ts';
import { environmentPublication } from '../../projections/environment-publication.ts';
import { pageOf } from './page-of.ts';

interface EnvironmentRow {
  readonly environment_id: string;
  readonly position: string;
  readonly workspace_id: string;
  readonly name: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly placement: PlacementRules;
  readonly organization: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly archived_at: Date | null;
}

/** Stored as they are; a shape that changes gets its upcast here. */
const codec = {
  encode: ({ type, ...data }: EnvironmentEvent) => ({ type, data }),
  decode: (type: string, data: unknown) => ({ ...(data as object), type }) as EnvironmentEvent,
};

export class PgEnvironments extends Environments {
  readonly #pool: pg.Pool;
  readonly #events: ControlEventWriter;

  constructor(pool: pg.Pool, events: ControlEventWriter) {
    super();
    this.#pool = pool;
    this.#events = events;
  }

  override as(actorId: string): EventStore<EnvironmentEvent> {
    return new PgEventStore<EnvironmentEvent>(this.#pool, codec, async (client, environmentId, events) => {
      for (const event of events) await project(client, environmentId, event);
      const { rows } = await client.query<{ workspace_id: string }>(
        'select workspace_id from environment where environment_id = $1',
        [environmentId],
      );
      const workspaceId = rows[0]?.workspace_id ?? '';
      const published = events.map((event) => environmentPublication(workspaceId, environmentId, event));
      await this.#events.write(client, actorId, published);
    });
  }

  override async find(environmentId: string): Promise<EnvironmentView | undefined> {
    const { rows } = await this.#pool.query<EnvironmentRow>('select * from environment where environment_id = $1', [
      environmentId,
    ]);
    return rows[0] === undefined ? undefined : toView(rows[0]);
  }

  override async page(request: PageRequest): Promise<Page<EnvironmentView>> {
    const { rows } = await this.#pool.query<EnvironmentRow>(
      `select * from environment where (workspace_id = $1 or organization) and ($2::bigint is null or position < $2) and ($3 or archived_at is null)
        order by position desc limit $4`,
      [request.workspaceId, request.before ?? null, request.includeArchived, request.limit + 1],
    );
    return pageOf(rows, request.limit, toView);
  }
}

async function project(client: pg.PoolClient, environmentId: string, event: EnvironmentEvent): Promise<void> {
  const at = new Date(event.atMs);
  switch (event.type) {
    case 'EnvironmentCreated': {
      const { workspaceId, name, description, metadata, placement, organization } = event.facts;
      await client.query(
        `insert into environment (environment_id, workspace_id, name, description, metadata, placement, organization, created_at, updated_at)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
        [environmentId, workspaceId, name, description, metadata, placement, organization, at],
      );
      return;
    }
    case 'EnvironmentArchived':
      await client.query('update environment set archived_at = $2, updated_at = $2 where environment_id = $1', [
        environmentId,
        at,
      ]);
  }
}

function toView(row: EnvironmentRow): EnvironmentView {
  return {
    environmentId: row.environment_id,
    workspaceId: row.workspace_id,
    name: row.name,
    description: row.description,
    metadata: row.metadata,
    placement: row.placement,
    organization: row.organization,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
    archivedAtMs: row.archived_at?.getTime() ?? 0,
  };
}
