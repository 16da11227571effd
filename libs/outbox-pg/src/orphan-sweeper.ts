import type pg from 'pg';
import { claimSource, commitStatement } from './commit-statement.ts';
import type { EventDraft } from './event-write.ts';
import { stampBatch } from './stamped-batch.ts';

export interface OrphanedCall {
  readonly callId: string;
  readonly owner: string;
  readonly nextSeq: number;
  readonly context: string;
}

export interface OrphanSweeperOptions {
  readonly pool: pg.Pool;
  /** Fresh at every process start, and used by this sweeper alone: another one than the writer's. */
  readonly source: string;
  /** The `orphaned` event of a call, written in the transaction that deletes its row. */
  readonly draft: (call: OrphanedCall) => EventDraft;
  readonly everyMs?: number;
  /**
   * Nothing is swept before this long after the start and after a failed sweep: while the database was away no owner could renew. Longer than
   * the owners' renewal interval.
   */
  readonly graceMs: number;
  readonly onSwept?: (calls: number) => void;
  readonly onFailed?: (error: unknown) => void;
  /** The draft of this call throws; it is tried again after a minute. */
  readonly onUnbuildable?: (callId: string, error: unknown) => void;
}

const defaultEveryMs = 1_000;
const callsPerSweepMax = 100;
const sweepBytesMax = 1 << 20;
const putOffMs = 60_000;

/**
 * Ends the calls whose owner has not renewed their lease. Any number of instances may sweep the same schema: each row goes to one of them, and
 * either the owner's terminal event or `orphaned` is written, never both.
 */
export class OrphanSweeper {
  readonly #options: OrphanSweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #quietUntilMs = 0;

  constructor(options: OrphanSweeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#quietUntilMs = performance.now() + this.#options.graceMs;
    this.#timer ??= setInterval(() => {
      if (performance.now() < this.#quietUntilMs) return;
      this.#sweeping ??= this.#sweepAll().finally(() => {
        this.#sweeping = undefined;
      });
    }, this.#options.everyMs ?? defaultEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    try {
      while (this.#timer !== undefined && (await this.sweep()) === callsPerSweepMax);
    } catch (error) {
      this.#quietUntilMs = performance.now() + this.#options.graceMs;
      this.#options.onFailed?.(error);
    }
  }

  /** Ends up to 100 calls and answers with how many. Throws where the database fails; what was committed then is seen by the next sweep. */
  async sweep(): Promise<number> {
    const client = await this.#options.pool.connect();
    client.on('error', ignore);
    try {
      await client.query('begin');
      const calls = await expiredCalls(client);
      const swept = calls.length === 0 ? 0 : await this.#end(client, calls);
      await client.query('commit');
      client.off('error', ignore);
      client.release();
      if (swept > 0) this.#options.onSwept?.(swept);
      return swept;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** The claim locks the source's row until the commit, so an answer that got lost leaves nothing to find out. */
  async #end(client: pg.ClientBase, calls: readonly OrphanedCall[]): Promise<number> {
    const { source, draft, onUnbuildable } = this.#options;
    const { fence, lastSequence } = await claimSource(client, source);
    const unbuildable: string[] = [];
    const entries = calls.map((call) => ({
      callId: call.callId,
      write: {
        get events() {
          return [draft(call)];
        },
      },
    }));
    const batch = stampBatch({ source, expected: lastSequence, bytesMax: sweepBytesMax }, entries, (entry, error) => {
      unbuildable.push(entry.callId);
      onUnbuildable?.(entry.callId, error);
    });
    await client.query(
      `update open_calls set lease_until = clock_timestamp() + $2 * interval '1 millisecond' where call_id = any ($1::text[])`,
      [unbuildable, putOffMs],
    );
    await client.query(
      commitStatement({
        source,
        fence,
        expected: batch.expected,
        events: batch.events,
        closes: batch.entries.map((entry) => entry.callId),
        opens: [],
        owner: '',
        leaseMs: 0,
        notify: true,
      }),
    );
    return batch.entries.length;
  }
}

async function expiredCalls(client: pg.ClientBase): Promise<OrphanedCall[]> {
  const { rows } = await client.query<{ call_id: string; owner: string; next_seq: number; context: string }>(
    `select call_id, owner, next_seq, context from open_calls where lease_until < clock_timestamp()
      order by lease_until limit $1 for update skip locked`,
    [callsPerSweepMax],
  );
  return rows.map((row) => ({ callId: row.call_id, owner: row.owner, nextSeq: row.next_seq, context: row.context }));
}

function ignore(): void {
  // The statement under way rejects with the same error.
}
