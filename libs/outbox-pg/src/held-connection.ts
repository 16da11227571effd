import type pg from 'pg';

/** One connection of a pool, held for as long as it lives. Whoever finds it broken drops it and opens the next. */
export class HeldConnection {
  readonly #pool: pg.Pool;
  readonly #prepare: (client: pg.PoolClient) => Promise<void>;
  readonly #onLost: (error: Error) => void;
  #client: pg.PoolClient | undefined;

  /** `prepare` runs at every new connection; `onLost` tells of one that broke on its own while idle or busy. */
  constructor(
    pool: pg.Pool,
    prepare: (client: pg.PoolClient) => Promise<void>,
    onLost: (error: Error) => void = () => undefined,
  ) {
    this.#pool = pool;
    this.#prepare = prepare;
    this.#onLost = onLost;
  }

  get client(): pg.PoolClient | undefined {
    return this.#client;
  }

  async open(): Promise<pg.PoolClient> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.#pool.connect();
    client.on('error', (error) => {
      if (this.#client !== client) return;
      this.drop();
      this.#onLost(error);
    });
    this.#client = client;
    try {
      await this.#prepare(client);
    } catch (error) {
      this.drop();
      throw error;
    }
    if (this.#client !== client) throw new Error('the connection was lost while it was prepared');
    return client;
  }

  /** Cuts the connection, also in the middle of a statement; never hands it back for reuse. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    client.on('error', () => undefined);
    client.release(true);
  }
}
