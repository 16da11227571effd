import type pg from 'pg';

/** After a failed LISTEN the polling carries on alone for this long. */
const relistenMs = 1_000;

/**
 * Tells waiting readers that a topic may have grown. Only a hint: a lost notification costs the rest of one poll interval.
 * Holds one connection of the pool from the first wait until the close.
 */
export class TopicWakeUps {
  readonly #pool: pg.Pool;
  readonly #waiting = new Set<{ readonly topic: string; readonly wake: () => void }>();
  #client: pg.PoolClient | undefined;
  #listening = false;
  #closed = false;
  #listenAgainAtMs = 0;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Resolves at a notification, after `waitMs`, at an abort or at the close, whichever is first. */
  async wait(topic: string, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted === true || waitMs <= 0) return;
    this.#listenSoon();
    await new Promise<void>((resolve) => {
      const waiter = { topic, wake: () => end() };
      const timer = setTimeout(() => end(), waitMs);
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        this.#waiting.delete(waiter);
        resolve();
      };
      signal?.addEventListener('abort', end);
      this.#waiting.add(waiter);
    });
  }

  close(): void {
    this.#closed = true;
    this.#drop(undefined);
    for (const waiter of this.#waiting) waiter.wake();
  }

  #listenSoon(): void {
    if (this.#listening || this.#closed || Date.now() < this.#listenAgainAtMs) return;
    this.#listening = true;
    this.#listen().catch((error: unknown) => this.#drop(error instanceof Error ? error : undefined));
  }

  async #listen(): Promise<void> {
    const client = await this.#pool.connect();
    if (this.#closed) return client.release();
    this.#client = client;
    client.on('error', (error) => this.#drop(error));
    client.on('notification', ({ payload }) => this.#wakeAll(payload));
    const { rows } = await client.query<{ channel: string }>(
      "select quote_ident(current_schema() || '_record') as channel",
    );
    await client.query(`listen ${rows[0]?.channel}`);
    // What was published between the reader's look and the LISTEN came without a notification.
    this.#wakeAll(undefined);
  }

  #wakeAll(topic: string | undefined): void {
    for (const waiter of this.#waiting) if (topic === undefined || waiter.topic === topic) waiter.wake();
  }

  #drop(error: Error | undefined): void {
    const client = this.#client;
    this.#client = undefined;
    this.#listening = false;
    this.#listenAgainAtMs = Date.now() + relistenMs;
    // Ends the connection rather than handing a listening one back to the pool.
    client?.release(error ?? true);
  }
}
