const keysMax = 1_000;

/** Lets what anybody can cause be recorded, once for each key in a time: the record must not be a way to fill the log. */
export class SparseRecord {
  readonly #everyMs: number;
  readonly #recordedAtMs = new Map<string, number>();

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  isDue(key: string, nowMs: number): boolean {
    const atMs = this.#recordedAtMs.get(key);
    // The distance, so that a step back of the clock silences nobody.
    if (atMs !== undefined && Math.abs(nowMs - atMs) < this.#everyMs) return false;
    this.#recordedAtMs.delete(key);
    this.#recordedAtMs.set(key, nowMs);
    const [oldest] = this.#recordedAtMs.keys();
    if (oldest !== undefined && this.#recordedAtMs.size > keysMax) this.#recordedAtMs.delete(oldest);
    return true;
  }
}
