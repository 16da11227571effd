import type pg from 'pg';

export interface OutboxDepth {
  readonly rows: number;
  readonly oldestAgeMs: number;
}

export interface OutboxLimits {
  readonly rowsMax: number;
  /** Age of the oldest row that is not published yet. */
  readonly ageMsMax: number;
}

const freshMs = 250;

export async function outboxDepth(client: pg.ClientBase | pg.Pool): Promise<OutboxDepth> {
  const { rows } = await client.query<{ depth_rows: string; oldest_age_ms: string }>({
    name: 'sallyport-outbox-depth',
    text: 'select depth_rows, oldest_age_ms from outbox_depth()',
  });
  return { rows: Number(rows[0]?.depth_rows ?? 0), oldestAgeMs: Number(rows[0]?.oldest_age_ms ?? 0) };
}

/** Whether the outbox has reached its limits, asked at most every 250 ms. */
export class OutboxLimit {
  readonly #limits: OutboxLimits;
  #checkedAtMs = -Infinity;
  #isFull = false;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  async isFull(client: pg.ClientBase): Promise<boolean> {
    if (performance.now() - this.#checkedAtMs < freshMs) return this.#isFull;
    const { rows, oldestAgeMs } = await outboxDepth(client);
    this.#checkedAtMs = performance.now();
    this.#isFull = rows >= this.#limits.rowsMax || oldestAgeMs >= this.#limits.ageMsMax;
    return this.#isFull;
  }
}
