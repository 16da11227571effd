import type { Logger } from '@sallyport/telemetry';
import type pg from 'pg';

const askEveryMs = 1_000;

/**
 * One scheduler at a time leads a schema: it holds the executors' connections and the sessions' calls in memory. Others wait here, as stand-bys. A
 * leader that loses its database session goes on once it has the lock again, if nobody has led in between; else it ends, so that it starts anew.
 */
export class Leadership {
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #replaced: () => void;
  #client: pg.PoolClient | undefined;
  #epoch: bigint | undefined;
  #stopped = false;

  constructor(pool: pg.Pool, log: Logger, replaced: () => void) {
    this.#pool = pool;
    this.#log = log;
    this.#replaced = replaced;
  }

  /** Resolves once this process leads. */
  async start(): Promise<void> {
    let waits = false;
    while (!this.#stopped) {
      if (await this.#take()) return;
      if (!waits) this.#log.info('another scheduler leads: this one stands by');
      waits = true;
      await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    }
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#client?.removeAllListeners('error');
    this.#client?.release(true);
    this.#client = undefined;
    return Promise.resolve();
  }

  /** False: somebody else holds the lock, or the database is away. */
  async #take(): Promise<boolean> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const { rows } = await client.query<{ locked: boolean }>(
        `select pg_try_advisory_lock(hashtextextended('sallyport-scheduler-' || current_schema(), 0)) as locked`,
      );
      if (rows[0]?.locked !== true) {
        client.release();
        return false;
      }
      const isFirst = this.#epoch === undefined;
      const { rows: epochs } = await client.query<{ epoch: string }>(
        isFirst ? 'update leadership set epoch = epoch + 1 returning epoch' : 'select epoch from leadership',
      );
      const epoch = BigInt(epochs[0]?.epoch ?? 0);
      if (!isFirst && epoch !== this.#epoch) this.#replaced();
      this.#epoch = epoch;
      this.#hold(client);
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, 'the scheduler cannot ask whether it leads, it is tried again');
      client?.release(true);
      return false;
    }
  }

  #hold(client: pg.PoolClient): void {
    this.#client = client;
    client.once('error', (error) => {
      this.#client = undefined;
      client.release(error);
      if (this.#stopped) return;
      this.#log.warn({ err: error }, 'the connection that holds the lead broke');
      void this.start();
    });
  }
}
