import { setTimeout as sleep } from 'node:timers/promises';
import { fail, ok } from '@sallyport/result';
import type pg from 'pg';
import { BackOff } from './back-off.ts';
import { commitFailureOf, sqlStateOf } from './commit-failure.ts';
import { claimSource, commitStatement } from './commit-statement.ts';
import type { EventWrite, OpenCall } from './event-write.ts';
import { HeldConnection } from './held-connection.ts';
import type { OpenCallLeases } from './open-call-leases.ts';
import { OutboxLimit, type OutboxLimits } from './outbox-limit.ts';
import { type StampedBatch, stampBatch } from './stamped-batch.ts';
import { type CommitResult, type WaitingWrite, WaitingWrites } from './waiting-writes.ts';
import { within } from './within.ts';

/** What operations wants to know; nothing of an event is in it. */
export interface OutboxWriterSignals {
  committed?(group: { readonly writes: number; readonly events: number; readonly ms: number }): void;
  refusedFull?(writes: number): void;
  connectionLost?(error: unknown): void;
  /** An answer was lost and has been found out. */
  resolved?(outcome: 'committed' | 'not_committed'): void;
  /** The source's row says what this process cannot have written: another process uses the source, or the database lost commits. For good. */
  broken?(reason: string): void;
}

export interface OutboxWriterOptions {
  /** One of its connections is held; its search path is the service's schema. */
  readonly pool: pg.Pool;
  /** Fresh at every process start, and used by this writer alone. */
  readonly source: string;
  readonly leases: OpenCallLeases;
  readonly limits: OutboxLimits;
  /** Every commit is answered within it. */
  readonly commitMsMax?: number;
  readonly writesWaitingMax?: number;
  /** After each commit: the relay of this process. */
  readonly onCommitted?: () => void;
  readonly signals?: OutboxWriterSignals;
}

type Batch = StampedBatch<WaitingWrite>;

const defaultCommitMsMax = 1_500;
const defaultWritesWaitingMax = 10_000;
const groupEventsMax = 1_000;
const groupBytesMax = 1 << 20;
const triesMax = 3;
const reconnectFirstMs = 25;
const reconnectMostMs = 1_000;
/** Relays of other processes hear of new rows at most this often; their polling does the rest. */
const notifyEveryMs = 100;

/**
 * The fail-closed write path of audit events: what `commit` answers with `ok` is durable. Many commits share one statement (group commit), and one
 * statement is under way at a time, so the source's sequence is contiguous whatever fails. One per process.
 */
export class OutboxWriter {
  readonly #options: OutboxWriterOptions;
  readonly #commitMsMax: number;
  readonly #waiting: WaitingWrites;
  readonly #connection: HeldConnection;
  readonly #limit: OutboxLimit;
  readonly #backOff = new BackOff(reconnectFirstMs, reconnectMostMs);
  #fence = 0n;
  #lastSequence: bigint | undefined;
  #unresolved: Batch | undefined;
  #broken = false;
  #stopped = false;
  #downSinceMs: number | undefined;
  #notifiedAtMs = 0;
  #running: Promise<void> | undefined;

  constructor(options: OutboxWriterOptions) {
    this.#options = options;
    this.#commitMsMax = options.commitMsMax ?? defaultCommitMsMax;
    this.#waiting = new WaitingWrites(this.#commitMsMax);
    this.#limit = new OutboxLimit(options.limits);
    this.#connection = new HeldConnection(
      options.pool,
      (client) => this.#prepare(client),
      (error) => this.#lost(error),
    );
  }

  /**
   * Resolves once the write is durable, or with a reason within `commitMsMax`. Rejects only where the write itself is wrong: a `build` that throws,
   * a call opened twice, a text PostgreSQL cannot hold, a missing migration.
   */
  async commit(write: EventWrite): Promise<CommitResult> {
    if (this.#stopped || this.#broken || this.#isLongDown()) return this.#answer(write, fail('unavailable'));
    const waitingMax = this.#options.writesWaitingMax ?? defaultWritesWaitingMax;
    if (this.#waiting.count >= waitingMax) return this.#answer(write, fail('writes_waiting_full'));
    const answer = this.#waiting.add(write);
    this.#run();
    try {
      return this.#answer(write, await answer);
    } catch (error) {
      this.#answer(write, fail('unavailable'));
      throw error;
    }
  }

  /** Takes no more writes and lets those that wait finish, within `commitMsMax`. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#connection.drop();
  }

  /** A call is renewed while it is known to be open here. One whose end could not be written is left to the sweeper. */
  #answer(write: EventWrite, result: CommitResult): CommitResult {
    if (write.close !== undefined) this.#options.leases.untrack(write.close);
    if (write.open !== undefined && result.ok) this.#options.leases.track(write.open.callId);
    return result;
  }

  #isLongDown(): boolean {
    return this.#downSinceMs !== undefined && performance.now() - this.#downSinceMs > this.#commitMsMax;
  }

  #run(): void {
    this.#running ??= this.#commitWaiting().finally(() => {
      this.#running = undefined;
      if (this.#hasWork()) this.#run();
    });
  }

  #hasWork(): boolean {
    if (this.#broken) return false;
    if (this.#waiting.count > 0) return true;
    return !this.#stopped && (this.#unresolved !== undefined || this.#downSinceMs !== undefined);
  }

  async #commitWaiting(): Promise<void> {
    while (this.#hasWork()) {
      try {
        const client = await this.#connection.open();
        this.#downSinceMs = undefined;
        this.#backOff.reset();
        await this.#refuseWhenFull(client);
        // Whoever else commits in this turn of the event loop shares the statement.
        await Promise.resolve();
        await this.#commitGroup(client, this.#waiting.takeGroup(groupEventsMax));
      } catch (error) {
        this.#lost(error);
        await sleep(this.#backOff.nextMs());
      }
    }
  }

  async #refuseWhenFull(client: pg.ClientBase): Promise<void> {
    if (!this.#waiting.hasAnyToRefuseWhenFull) return;
    if (!(await within(this.#commitMsMax, this.#limit.isFull(client)))) return;
    const writes = this.#waiting.refuseWhenFull();
    this.#options.signals?.refusedFull?.(writes);
  }

  #lost(error: unknown): void {
    this.#connection.drop();
    this.#downSinceMs ??= performance.now();
    this.#options.signals?.connectionLost?.(error);
    if (!this.#stopped) this.#run();
  }

  async #prepare(client: pg.PoolClient): Promise<void> {
    await client.query(
      `select set_config('lock_timeout', $1, false), set_config('enable_seqscan', 'off', false),
        set_config('synchronous_commit', case when current_setting('synchronous_commit') in ('off', 'local') then 'on' else current_setting('synchronous_commit') end, false)`,
      [String(this.#commitMsMax)],
    );
    const { fence, lastSequence } = await claimSource(client, this.#options.source);
    this.#fence = fence;
    this.#resolve(lastSequence);
  }

  /** The claim has fenced off earlier statements, so the row's sequence says for good whether the batch without an answer was committed. */
  #resolve(lastSequence: bigint): void {
    const batch = this.#unresolved;
    if (batch !== undefined && lastSequence === batch.last) {
      this.#unresolved = undefined;
      this.#options.signals?.resolved?.('committed');
      return this.#committed(batch, 0);
    }
    if (batch !== undefined && lastSequence === batch.expected) {
      this.#unresolved = undefined;
      this.#options.signals?.resolved?.('not_committed');
      return this.#waiting.putBack(batch.entries);
    }
    if (batch === undefined && lastSequence === (this.#lastSequence ?? lastSequence)) {
      this.#lastSequence = lastSequence;
      return;
    }
    this.#break('the sequence of the source is not what this process has written');
  }

  #break(reason: string): void {
    this.#broken = true;
    this.#waiting.refuseAll();
    this.#options.signals?.broken?.(reason);
  }

  async #commitGroup(client: pg.ClientBase, group: readonly WaitingWrite[], triesLeft = triesMax): Promise<void> {
    const expected = this.#lastSequence;
    if (expected === undefined) throw new Error('a commit before the source was claimed');
    const batch = stampBatch(
      { source: this.#options.source, expected, bytesMax: groupBytesMax },
      group,
      (entry, error) => entry.reject(new Error('an event of this write could not be built', { cause: error })),
    );
    this.#waiting.putBack(batch.left);
    if (batch.entries.length === 0) return;
    const startedMs = performance.now();
    try {
      await within(this.#commitMsMax, client.query(this.#statement(batch)));
    } catch (error) {
      return this.#failed(client, batch, error, triesLeft);
    }
    this.#committed(batch, performance.now() - startedMs);
  }

  #statement(batch: Batch): pg.QueryConfig {
    const writes = batch.entries.map((entry) => entry.write);
    const nowMs = performance.now();
    const notify = nowMs - this.#notifiedAtMs >= notifyEveryMs;
    if (notify) this.#notifiedAtMs = nowMs;
    return commitStatement({
      source: this.#options.source,
      fence: this.#fence,
      expected: batch.expected,
      events: batch.events,
      closes: writes.map((write) => write.close).filter((callId): callId is string => callId !== undefined),
      opens: writes.map((write) => write.open).filter((open): open is OpenCall => open !== undefined),
      owner: this.#options.leases.owner,
      leaseMs: this.#options.leases.leaseMs,
      notify,
    });
  }

  #committed(batch: Batch, ms: number): void {
    this.#lastSequence = batch.last;
    for (const entry of batch.entries) entry.settle(ok(undefined));
    this.#options.signals?.committed?.({ writes: batch.entries.length, events: batch.events.length, ms });
    this.#options.onCommitted?.();
  }

  async #failed(client: pg.ClientBase, batch: Batch, error: unknown, triesLeft: number): Promise<void> {
    const failure = commitFailureOf(error);
    const { entries } = batch;
    switch (failure) {
      case 'unknown':
        this.#unresolved = batch;
        throw error;
      case 'fenced':
        this.#refuse(entries, 'unavailable');
        return this.#break('another process has claimed the source');
      case 'unavailable':
        this.#refuse(entries, 'unavailable');
        // Another connection may lead to a server that can.
        throw error;
      case 'try_again':
        if (triesLeft > 1) return this.#commitGroup(client, entries, triesLeft - 1);
        return this.#refuse(entries, 'unavailable');
      case 'call_not_open':
      case 'bad_write':
        if (entries.length > 1) return this.#commitOneByOne(client, entries);
        if (failure === 'call_not_open') return this.#refuse(entries, 'already_closed');
        // The server's text may quote the event.
        for (const entry of entries)
          entry.reject(new Error(`the outbox cannot take this write: SQLSTATE ${sqlStateOf(error)}`));
    }
  }

  /** One write of the group is at fault; the others must not suffer. */
  async #commitOneByOne(client: pg.ClientBase, entries: readonly WaitingWrite[]): Promise<void> {
    for (const [at, entry] of entries.entries()) {
      try {
        await this.#commitGroup(client, [entry]);
      } catch (error) {
        this.#waiting.putBack(entries.slice(at + 1));
        throw error;
      }
      if (this.#broken) return this.#refuse(entries.slice(at), 'unavailable');
    }
  }

  #refuse(entries: readonly WaitingWrite[], reason: 'unavailable' | 'already_closed'): void {
    for (const entry of entries) entry.settle(fail(reason));
  }
}
