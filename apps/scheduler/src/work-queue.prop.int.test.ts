import { randomBytes } from 'node:crypto';
import { ControlEventWriter } from '@sallyport/audit-outbox';
import { eventStoreMigrations } from '@sallyport/event-store-pg';
import { outboxMigrations } from '@sallyport/outbox-pg';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeClockAndIds } from './adapters/crypto/node-clock-and-ids.ts';
import { PgWorkQueue } from './adapters/pg/pg-work-queue.ts';
import type { Lease } from './ports/work-queue.ts';

const leaseMs = 60_000;
const sessionIds = ['sesn_a', 'sesn_b', 'sesn_c'] as const;

type Step =
  | { readonly act: 'queue'; readonly session: number }
  | { readonly act: 'claim'; readonly executor: string; readonly twice: boolean }
  | { readonly act: 'ready' | 'renew'; readonly which: number }
  | { readonly act: 'end'; readonly which: number; readonly requeue: boolean }
  /** The database's clock jumps over the end of a lease. */
  | { readonly act: 'lapse'; readonly which: number }
  /** The scheduler is killed: memory is gone, what is stored stays. */
  | { readonly act: 'restart' };

const executor = fc.constantFrom('x', 'y');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constant('queue' as const), session: fc.nat(2) }),
  fc.record({ act: fc.constant('claim' as const), executor, twice: fc.boolean() }),
  fc.record({ act: fc.constantFrom('ready' as const, 'renew' as const), which: fc.nat(30) }),
  fc.record({ act: fc.constant('end' as const), which: fc.nat(30), requeue: fc.boolean() }),
  fc.record({ act: fc.constant('lapse' as const), which: fc.nat(30) }),
  fc.record({ act: fc.constant('restart' as const) }),
);

/** What a session's work is, as the model has it. */
type Model =
  | { readonly state: 'none' }
  | { readonly state: 'queued' }
  | { readonly state: 'leased'; readonly lease: Lease };

describe('the work queue', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createTestDatabase();
    const options = { schema: 'scheduler', applicationName: 'test', connectionsMax: 8, statementMsMax: 5_000 };
    pool = openPool({ ...options, url: database.url });
    await migrate(
      pool,
      'scheduler',
      eventStoreMigrations,
      outboxMigrations,
      new URL('../migrations/', import.meta.url),
    );
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const open = () => {
    const ids = new NodeClockAndIds();
    return new PgWorkQueue(pool, new ControlEventWriter('scheduler', ids), ids, leaseMs);
  };

  it('agrees with a model over claims, heartbeats, ends, lapses and restarts in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const run = randomBytes(6).toString('hex');
        const environmentId = `env_${run}`;
        await insertSessions(pool, environmentId, run);
        const idOf = (session: number) => `${sessionIds[session] ?? ''}_${run}`;
        let queue = open();
        const model = new Map<string, Model>(sessionIds.map((_, at) => [idOf(at), { state: 'none' }]));
        const claims: Lease[] = [];
        const isCurrent = ({ sessionId, token }: Lease) => {
          const now = model.get(sessionId);
          return now?.state === 'leased' && now.lease.token === token;
        };
        const waiting = () => [...model.values()].filter(({ state }) => state === 'queued').length;
        for (const each of steps) {
          const claim = 'which' in each ? claims[each.which % Math.max(1, claims.length)] : undefined;
          if (each.act === 'queue') {
            const sessionId = idOf(each.session);
            await queue.queue({ sessionId, environmentId, workspaceId: 'wrkspc_1' });
            if (model.get(sessionId)?.state === 'none') model.set(sessionId, { state: 'queued' });
          } else if (each.act === 'claim') {
            // Two at the same moment: each item goes to one of them.
            const attempts = each.twice ? ['x', 'y'] : [each.executor];
            const expected = Math.min(waiting(), attempts.length);
            const claimed = await Promise.all(attempts.map((id) => queue.claim(environmentId, 'wrkspc_1', id)));
            const leases = claimed.filter((lease) => lease !== undefined);
            expect(leases).toHaveLength(expected);
            expect(new Set(leases.map(({ workId }) => workId)).size).toBe(leases.length);
            for (const lease of leases) {
              const before = claims.filter(({ sessionId }) => sessionId === lease.sessionId);
              expect(lease.token).toBe(before.length + 1);
              claims.push(lease);
              model.set(lease.sessionId, { state: 'leased', lease });
            }
          } else if (each.act === 'restart') queue = open();
          else if (claim !== undefined && each.act === 'ready')
            expect((await queue.reportReady(claim, 1)).ok).toBe(isCurrent(claim));
          else if (claim !== undefined && each.act === 'renew') {
            const lost = await queue.renew(claim.executorId, [claim]);
            expect(lost).toHaveLength(isCurrent(claim) ? 0 : 1);
            const other = claim.executorId === 'x' ? 'y' : 'x';
            expect(await queue.renew(other, [claim])).toHaveLength(1);
          } else if (claim !== undefined && each.act === 'end') {
            const wasCurrent = isCurrent(claim);
            const ended = await queue.endLease(claim, 'sandbox_died', each.requeue ? { delayMs: 0 } : undefined);
            expect(ended.ok).toBe(wasCurrent);
            if (wasCurrent) model.set(claim.sessionId, { state: each.requeue ? 'queued' : 'none' });
          } else if (claim !== undefined && each.act === 'lapse' && isCurrent(claim)) {
            await pool.query(
              `update work_item set lease_until = clock_timestamp() - interval '1 second' where work_id = $1`,
              [claim.workId],
            );
            expect(await queue.renew(claim.executorId, [claim])).toHaveLength(1);
            const lapsed = (await queue.lapsed()).filter(({ workId }) => workId === claim.workId);
            expect(lapsed).toEqual([claim]);
            expect((await queue.endLease(claim, 'lease_expired', { delayMs: 0 })).ok).toBe(true);
            model.set(claim.sessionId, { state: 'queued' });
          }
          const { waiting: depth, leased } = await queue.depth(environmentId);
          expect(depth).toBe(waiting());
          expect(leased).toBe([...model.values()].filter(({ state }) => state === 'leased').length);
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  }, 60_000);
});

async function insertSessions(pool: pg.Pool, environmentId: string, run: string): Promise<void> {
  await pool.query(
    `insert into environment (environment_id, workspace_id, name, description, metadata, placement, organization, created_at, updated_at)
      values ($1, 'wrkspc_1', 'e', '', '{}', '{}', false, now(), now())`,
    [environmentId],
  );
  for (const name of sessionIds)
    await pool.query(
      `insert into session (session_id, workspace_id, environment_id, title, metadata, status, created_at, updated_at)
        values ($1, 'wrkspc_1', $2, '', '{}', 'idle', now(), now())`,
      [`${name}_${run}`, environmentId],
    );
}
