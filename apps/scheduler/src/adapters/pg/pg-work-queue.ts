import type { ControlEventWriter } from '@sallyport/audit-outbox';
import { appendEvents, isVersionConflict } from '@sallyport/event-store-pg';
import { inTransaction } from '@sallyport/pg';
import { fail, ok, type Result } from '@sallyport/result';
import type pg from 'pg';
import {
  type LeaseEnd,
  type WorkItemCommand,
  workItemDecider,
  type WorkItemEvent,
  type WorkItemRefusal,
} from '../../domain/work-item.ts';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';
import { type HeldLease, type Lease, type QueuedWork, type QueueDepth, WorkQueue } from '../../ports/work-queue.ts';
import { workPublication } from '../../projections/work-publication.ts';
import { insertHistory } from './insert-history.ts';
import { projectWork } from './project-work.ts';

interface WorkRow {
  readonly work_id: string;
  readonly session_id: string;
  readonly environment_id: string;
  readonly workspace_id: string;
  readonly state: 'queued' | 'leased' | 'stopped';
  readonly token: string;
  readonly executor_id: string | null;
  readonly is_ready: boolean;
}

/** Stored as they are; a shape that changes gets its upcast here. */
const codec = {
  encode: ({ type, ...data }: WorkItemEvent) => ({ type, data }),
  decode: (type: string, data: unknown) => ({ ...(data as object), type }) as WorkItemEvent,
};

export class PgWorkQueue extends WorkQueue {
  readonly #pool: pg.Pool;
  readonly #events: ControlEventWriter;
  readonly #ids: ClockAndIds;
  readonly #leaseMs: number;

  constructor(pool: pg.Pool, events: ControlEventWriter, ids: ClockAndIds, leaseMs: number) {
    super();
    this.#pool = pool;
    this.#events = events;
    this.#ids = ids;
    this.#leaseMs = leaseMs;
  }

  override queue(work: Omit<QueuedWork, 'workId'>): Promise<Result<QueuedWork, 'session-ended' | 'still-leased'>> {
    return inTransaction(this.#pool, async (client) => {
      // The session's row orders whoever wants to queue for it, and whoever archives it.
      const session = await client.query<{ status: string }>(
        'select status from session where session_id = $1 for update',
        [work.sessionId],
      );
      if (session.rows[0]?.status === 'terminated') return fail('session-ended');
      const { rows } = await client.query<{ work_id: string | null; state: string | null; last_token: string }>(
        `select (array_agg(work_id) filter (where state <> 'stopped'))[1] as work_id,
            (array_agg(state) filter (where state <> 'stopped'))[1] as state, coalesce(max(token), 0) as last_token
          from work_item where session_id = $1`,
        [work.sessionId],
      );
      const live = rows[0]?.work_id ?? null;
      if (live !== null) return rows[0]?.state === 'leased' ? fail('still-leased') : ok({ ...work, workId: live });
      const workId = this.#ids.id('work');
      const { sessionId, environmentId } = work;
      const lastToken = Number(rows[0]?.last_token ?? 0);
      await this.#apply(
        client,
        { ...work, workId },
        { type: 'QueueWork', sessionId, environmentId, lastToken, atMs: this.#ids.nowMs() },
      );
      return ok({ ...work, workId });
    });
  }

  override claim(environmentId: string, workspaceId: string, executorId: string): Promise<Lease | undefined> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<WorkRow>(
        `select * from work_item where environment_id = $1 and workspace_id = $2 and state = 'queued' and not_before <= clock_timestamp()
          order by position limit 1 for update skip locked`,
        [environmentId, workspaceId],
      );
      const [row] = rows;
      if (row === undefined) return undefined;
      const work = toWork(row);
      const claimed = await this.#apply(client, work, { type: 'ClaimWork', executorId, atMs: this.#ids.nowMs() });
      if (!claimed.ok) return undefined;
      return { ...work, executorId, token: Number(row.token) + 1 };
    });
  }

  override reportReady({ workId, token }: HeldLease, startMs: number): Promise<Result<void, WorkItemRefusal>> {
    return this.#change(workId, { type: 'ReportReady', token, startMs, atMs: this.#ids.nowMs() });
  }

  override endLease(
    { workId, token }: HeldLease,
    reason: LeaseEnd,
    requeue: { readonly delayMs: number } | undefined,
  ): Promise<Result<void, WorkItemRefusal>> {
    const command = {
      type: 'EndLease',
      token,
      reason,
      requeue: requeue !== undefined,
      atMs: this.#ids.nowMs(),
    } as const;
    return this.#change(workId, command, requeue?.delayMs);
  }

  override stop(workId: string): Promise<Result<void, WorkItemRefusal>> {
    return this.#change(workId, { type: 'StopWork', atMs: this.#ids.nowMs() });
  }

  override async renew(executorId: string, held: readonly HeldLease[]): Promise<readonly HeldLease[]> {
    if (held.length === 0) return [];
    const { rows } = await this.#pool.query<{ work_id: string; token: string }>(
      `update work_item set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
        from unnest($2::text[], $3::bigint[]) as held (work_id, token)
        where work_item.work_id = held.work_id and work_item.token = held.token and state = 'leased' and executor_id = $1
          and lease_until > clock_timestamp()
        returning work_item.work_id, work_item.token`,
      [executorId, held.map(({ workId }) => workId), held.map(({ token }) => token), this.#leaseMs],
    );
    const renewed = new Set(rows.map((row) => `${row.work_id}/${row.token}`));
    return held.filter(({ workId, token }) => !renewed.has(`${workId}/${token}`));
  }

  override async lapsed(): Promise<readonly Lease[]> {
    const { rows } = await this.#pool.query<WorkRow>(
      `select * from work_item where state = 'leased' and lease_until < clock_timestamp() order by lease_until limit 100`,
    );
    return rows.map(toLease);
  }

  override async live() {
    const { rows } = await this.#pool.query<WorkRow>(
      `select * from work_item where state <> 'stopped' order by position`,
    );
    return {
      leased: rows.filter(({ state }) => state === 'leased').map((row) => ({ ...toLease(row), isReady: row.is_ready })),
      queued: rows.filter(({ state }) => state === 'queued').map(toWork),
    };
  }

  override async depth(environmentId: string): Promise<QueueDepth> {
    const { rows } = await this.#pool.query<{ waiting: string; leased: string; oldest: Date | null }>(
      `select count(*) filter (where state = 'queued') as waiting, count(*) filter (where state = 'leased') as leased,
          min(queued_at) filter (where state = 'queued') as oldest
        from work_item where environment_id = $1 and state <> 'stopped'`,
      [environmentId],
    );
    const [row] = rows;
    return {
      waiting: Number(row?.waiting ?? 0),
      leased: Number(row?.leased ?? 0),
      oldestQueuedAtMs: row?.oldest?.getTime() ?? 0,
    };
  }

  #change(workId: string, command: WorkItemCommand, delayMs = 0): Promise<Result<void, WorkItemRefusal>> {
    return inTransaction(this.#pool, async (client) => {
      const { rows } = await client.query<WorkRow>('select * from work_item where work_id = $1 for update', [workId]);
      const [row] = rows;
      return row === undefined ? fail('work-unknown' as const) : this.#apply(client, toWork(row), command, delayMs);
    });
  }

  /** Decides on the stream, under the lock of the item's row; events, row, history and audit event are one transaction. */
  async #apply(
    client: pg.PoolClient,
    work: QueuedWork,
    command: WorkItemCommand,
    delayMs = 0,
  ): Promise<Result<void, WorkItemRefusal>> {
    const { rows } = await client.query<{ type: string; data: unknown }>(
      'select type, data from stream_event where stream_id = $1 order by version',
      [work.workId],
    );
    const before = rows.map((row) => codec.decode(row.type, row.data));
    const decision = workItemDecider.decide(
      before.reduce(workItemDecider.evolve, workItemDecider.initialState),
      command,
    );
    if (!decision.ok) return decision;
    const events = decision.value;
    if (events.length === 0) return ok(undefined);
    await appendEvents(client, work.workId, before.length, events.map(codec.encode)).catch((error: unknown) => {
      throw isVersionConflict(error)
        ? new Error(`the stream of ${work.workId} has moved on under its row's lock`)
        : error;
    });
    for (const event of events) await projectWork(client, work, event, { leaseMs: this.#leaseMs, delayMs });
    await insertHistory(client, this.#ids, work.sessionId, events);
    const published = events.map((event) => workPublication(work, event)).filter((event) => event !== undefined);
    await this.#events.write(client, 'system', published);
    return ok(undefined);
  }
}

function toWork(row: WorkRow): QueuedWork {
  return {
    workId: row.work_id,
    sessionId: row.session_id,
    environmentId: row.environment_id,
    workspaceId: row.workspace_id,
  };
}

function toLease(row: WorkRow): Lease {
  return { ...toWork(row), token: Number(row.token), executorId: row.executor_id ?? '' };
}
