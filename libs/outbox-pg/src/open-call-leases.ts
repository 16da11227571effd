import type pg from 'pg';

export interface OpenCallLeasesOptions {
  readonly pool: pg.Pool;
  /** This process instance. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Default: a third of the lease, so that two renewals may fail. */
  readonly renewEveryMs?: number;
  /** Calls whose row is gone though this process has not ended them: the sweeper wrote `orphaned`. */
  readonly onLost?: (callIds: readonly string[]) => void;
  readonly onRenewFailed?: (error: unknown) => void;
}

const callsPerStatementMax = 5_000;

/**
 * Renews the leases of the calls that this process knows to be open, by the database's clock. What it does not know, such as a call whose open was
 * committed after its caller had given up, runs out and is ended by the sweeper.
 */
export class OpenCallLeases {
  readonly owner: string;
  readonly leaseMs: number;
  readonly #options: OpenCallLeasesOptions;
  readonly #tracked = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: OpenCallLeasesOptions) {
    this.#options = options;
    this.owner = options.owner;
    this.leaseMs = options.leaseMs;
  }

  get openCalls(): number {
    return this.#tracked.size;
  }

  /** The writer does this for what it commits. */
  track(callId: string): void {
    this.#tracked.add(callId);
  }

  untrack(callId: string): void {
    this.#tracked.delete(callId);
  }

  start(): void {
    const everyMs = this.#options.renewEveryMs ?? this.leaseMs / 3;
    this.#timer ??= setInterval(() => {
      this.#renewing ??= this.renew()
        .catch((error: unknown) => this.#options.onRenewFailed?.(error))
        .finally(() => {
          this.#renewing = undefined;
        });
    }, everyMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#renewing;
  }

  async renew(): Promise<void> {
    const all = [...this.#tracked];
    for (let at = 0; at < all.length; at += callsPerStatementMax) {
      const missing = await this.#renewSome(all.slice(at, at + callsPerStatementMax));
      const lost = missing.filter((callId) => this.#tracked.delete(callId));
      if (lost.length > 0) this.#options.onLost?.(lost);
    }
  }

  /** Answers with the calls that have no row. Rows that are locked are being ended: waiting for them could deadlock with a group of closes. */
  async #renewSome(callIds: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#options.pool.query<{ call_id: string }>(
      `with held as (
        select call_id from open_calls where call_id = any ($1::text[]) and owner = $2 for update skip locked
      ), renewed as (
        update open_calls set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
        from held where open_calls.call_id = held.call_id
      )
      select wanted.call_id from unnest($1::text[]) as wanted (call_id)
      where not exists (select from open_calls where open_calls.call_id = wanted.call_id and owner = $2)`,
      [callIds, this.owner, this.leaseMs],
    );
    return rows.map((row) => row.call_id);
  }
}
