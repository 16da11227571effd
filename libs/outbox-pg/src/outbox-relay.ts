import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLogPublisher, EventRecord } from '@sallyport/event-log';
import type pg from 'pg';
import { BackOff } from './back-off.ts';
import { HeldConnection } from './held-connection.ts';
import { type OutboxHead, deleteOutboxHead, readOutboxHead } from './outbox-head.ts';
import { type OutboxDepth, outboxDepth } from './outbox-limit.ts';
import { WakeUp } from './wake-up.ts';
import { within } from './within.ts';

export interface OutboxRelaySignals {
  published?(batch: { readonly topic: string; readonly events: number; readonly ms: number }): void;
  /** At most once a second while this relay is the one that relays. */
  depth?(depth: OutboxDepth): void;
  /** This process has become, or is no longer, the one that relays the schema. */
  relaying?(isRelaying: boolean): void;
  /** Unknown outcome: the batch will be sent again through a new publisher. */
  publishFailed?(error: unknown): void;
  databaseFailed?(error: unknown): void;
  /** An alarm: the log gave an offset that does not rise, so an append was lost or mistaken for an old one. It is sent again. */
  offsetNotRising?(topic: string, expectedAtLeast: bigint, got: bigint): void;
}

export interface OutboxRelayOptions {
  /** One of its connections is held; its search path is the service's schema. */
  readonly pool: pg.Pool;
  readonly openPublisher: () => Promise<EventLogPublisher>;
  readonly pollMs?: number;
  /** How long events may wait for others to share their batch: each batch costs the database and every reader the same, however small it is. */
  readonly lingerMs?: number;
  /** An answer that takes longer is a lost one. */
  readonly publishMsMax?: number;
  readonly signals?: OutboxRelaySignals;
}

/** `much`: there may be as much again. */
type Relayed = 'nothing' | 'little' | 'much';

const batchLimits = { rowsMax: 500, bytesMax: 512 * 1024 };
const defaultPollMs = 200;
const defaultLingerMs = 20;
const defaultPublishMsMax = 30_000;
const retryFirstMs = 50;
const retryMostMs = 5_000;
/** How soon another instance takes over after the one that relays is gone. */
const lockEveryMs = 500;
const depthEveryMs = 1_000;
const closeMsMax = 5_000;
const stopCheckMs = 100;

/**
 * Moves the outbox of a schema to the event log, in the order of commits, at least once. One instance at a time relays; were two to, for the length of
 * a network fault, both start at the oldest row that is left, so the first occurrence of every event still comes in order.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #connection: HeldConnection;
  readonly #wakeUp = new WakeUp();
  readonly #backOff = new BackOff(retryFirstMs, retryMostMs);
  readonly #nextOffsets = new Map<string, bigint>();
  #publisher: EventLogPublisher | undefined;
  #isRelaying = false;
  #stopped = false;
  #depthAtMs = -Infinity;
  #running: Promise<void> | undefined;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
    this.#connection = new HeldConnection(
      options.pool,
      (client) => this.#prepare(client),
      () => this.#wakeUp.wake(),
    );
  }

  start(): void {
    this.#running ??= this.#relay();
  }

  /** Something was committed: look now rather than at the next poll. */
  hint(): void {
    this.#wakeUp.wake();
  }

  /** Lets the batch under way finish. What is left in the outbox is for the next relay. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wakeUp.wake();
    await this.#running;
  }

  async #relay(): Promise<void> {
    while (!this.#stopped) {
      try {
        const client = await this.#connection.open();
        if (!(await this.#isLockHolder(client))) await this.#wakeUp.wait(lockEveryMs);
        else await this.#await(await this.#relayHead(client));
      } catch (error) {
        this.#connection.drop();
        this.#setRelaying(false);
        this.#options.signals?.databaseFailed?.(error);
        await this.#pause();
      }
    }
    this.#connection.drop();
    this.#setRelaying(false);
    await this.#dropPublisher();
  }

  async #prepare(client: pg.PoolClient): Promise<void> {
    client.on('notification', () => this.#wakeUp.wake());
    // A delete that gets lost in a crash is a batch that is sent twice: not worth waiting for the disk.
    // And the order of the primary key is always the way: a plan made from old statistics would read the whole table for every batch.
    await client.query(
      `select set_config('synchronous_commit', 'off', false), set_config('enable_seqscan', 'off', false),
        set_config('enable_bitmapscan', 'off', false)`,
    );
    const { rows } = await client.query<{ channel: string }>(
      "select quote_ident(current_schema() || '_outbox') as channel",
    );
    await client.query(`listen ${rows[0]?.channel}`);
    this.#setRelaying(false);
  }

  /** The lock belongs to the session that also reads and deletes, so losing it ends the work. */
  async #isLockHolder(client: pg.ClientBase): Promise<boolean> {
    if (this.#isRelaying) return true;
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('sallyport-outbox-relay-' || current_schema(), 0)) as locked",
    );
    this.#setRelaying(rows[0]?.locked === true);
    return this.#isRelaying;
  }

  async #await(relayed: Relayed): Promise<void> {
    if (relayed === 'nothing') await this.#wakeUp.wait(this.#options.pollMs ?? defaultPollMs);
    else if (relayed === 'little' && !this.#stopped) await sleep(this.#options.lingerMs ?? defaultLingerMs);
  }

  async #relayHead(client: pg.ClientBase): Promise<Relayed> {
    await this.#measure(client);
    const head = await readOutboxHead(client, batchLimits);
    if (head === undefined) return 'nothing';
    try {
      await this.#publish(head);
    } catch (error) {
      this.#options.signals?.publishFailed?.(error);
      await this.#dropPublisher();
      await this.#pause();
      return 'much';
    }
    await deleteOutboxHead(client, head);
    this.#backOff.reset();
    return isLarge(head) ? 'much' : 'little';
  }

  async #publish(head: OutboxHead): Promise<void> {
    for (const [topic, records] of byTopic(head)) {
      this.#publisher ??= await this.#options.openPublisher();
      const startedMs = performance.now();
      const { baseOffset } = await within(
        this.#options.publishMsMax ?? defaultPublishMsMax,
        this.#publisher.publishBatch(topic, records),
      );
      const expected = this.#nextOffsets.get(topic) ?? 0n;
      // After an alarm the count goes on from what the log said, so that a topic made anew does not stop the relay for good.
      this.#nextOffsets.set(topic, baseOffset + BigInt(records.length));
      if (baseOffset < expected) {
        this.#options.signals?.offsetNotRising?.(topic, expected, baseOffset);
        throw new Error(`${topic}: offset ${baseOffset} does not rise above ${expected}`);
      }
      this.#options.signals?.published?.({ topic, events: records.length, ms: performance.now() - startedMs });
    }
  }

  async #measure(client: pg.ClientBase): Promise<void> {
    const { signals } = this.#options;
    if (signals?.depth === undefined || performance.now() - this.#depthAtMs < depthEveryMs) return;
    signals.depth(await outboxDepth(client));
    this.#depthAtMs = performance.now();
  }

  async #dropPublisher(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    if (publisher !== undefined) await within(closeMsMax, publisher.close()).catch(() => undefined);
  }

  /** Hints do not shorten it: a busy service would retry without pause. */
  async #pause(): Promise<void> {
    const untilMs = performance.now() + this.#backOff.nextMs();
    for (let leftMs = untilMs - performance.now(); leftMs > 0 && !this.#stopped; leftMs = untilMs - performance.now()) {
      await this.#wakeUp.wait(Math.min(leftMs, stopCheckMs));
    }
  }

  #setRelaying(isRelaying: boolean): void {
    if (this.#isRelaying !== isRelaying) this.#options.signals?.relaying?.(isRelaying);
    this.#isRelaying = isRelaying;
  }
}

function isLarge({ rows }: OutboxHead): boolean {
  let bytes = 0;
  for (const { key, value } of rows) bytes += key.length + value.length;
  return rows.length >= batchLimits.rowsMax / 2 || bytes >= batchLimits.bytesMax / 2;
}

function byTopic(head: OutboxHead): Map<string, EventRecord[]> {
  const topics = new Map<string, EventRecord[]>();
  for (const { topic, key, value } of head.rows) {
    const records = topics.get(topic);
    if (records === undefined) topics.set(topic, [{ key, value }]);
    else records.push({ key, value });
  }
  return topics;
}
