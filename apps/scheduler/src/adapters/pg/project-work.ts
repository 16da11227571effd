import type pg from 'pg';
import type { WorkItemEvent } from '../../domain/work-item.ts';
import type { QueuedWork } from '../../ports/work-queue.ts';

/** One event of a work item onto its row, and its session's status. Lease times are the database's. */
export async function projectWork(
  client: pg.ClientBase,
  work: QueuedWork,
  event: WorkItemEvent,
  times: { readonly leaseMs: number; readonly delayMs: number },
): Promise<void> {
  const { workId, sessionId } = work;
  switch (event.type) {
    case 'WorkQueued':
      await client.query(
        `insert into work_item (work_id, session_id, environment_id, workspace_id, state, token, queued_at, not_before)
          values ($1, $2, $3, $4, 'queued', $5, clock_timestamp(), clock_timestamp())`,
        [workId, sessionId, work.environmentId, work.workspaceId, event.lastToken],
      );
      return;
    case 'WorkClaimed':
      await client.query(
        `update work_item set state = 'leased', token = $2, executor_id = $3, is_ready = false,
          lease_until = clock_timestamp() + $4 * interval '1 millisecond' where work_id = $1`,
        [workId, event.token, event.executorId, times.leaseMs],
      );
      return;
    case 'SandboxStarted':
      await client.query('update work_item set is_ready = true where work_id = $1', [workId]);
      await setStatus(client, sessionId, 'running');
      return;
    case 'LeaseEnded':
      await client.query(
        `update work_item set state = 'queued', executor_id = null, lease_until = null, is_ready = false, queued_at = clock_timestamp(),
          not_before = clock_timestamp() + $2 * interval '1 millisecond' where work_id = $1`,
        [workId, times.delayMs],
      );
      await setStatus(client, sessionId, 'idle');
      return;
    case 'WorkStopped':
      await client.query(`update work_item set state = 'stopped' where work_id = $1`, [workId]);
  }
}

async function setStatus(client: pg.ClientBase, sessionId: string, status: 'idle' | 'running'): Promise<void> {
  await client.query(
    `update session set status = $2, updated_at = now() where session_id = $1 and status <> 'terminated'`,
    [sessionId, status],
  );
}
