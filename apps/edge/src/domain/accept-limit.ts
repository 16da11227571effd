export interface AcceptLimits {
  /** Accepted connections of one address that may be open at once. */
  readonly openPerAddressMax: number;
  /** Connections of one address a second, sustained; twice as many may come at once. */
  readonly perAddressPerSecondMax: number;
  /** Connections altogether. */
  readonly openMax: number;
}

export type AcceptRefusal = 'too-many-connections' | 'too-many-of-address' | 'too-fast-from-address';

interface Bucket {
  open: number;
  tokens: number;
  filledAtMs: number;
}

/** Addresses remembered at most; beyond it, idle ones are forgotten first. */
const addressesMax = 50_000;

/**
 * Bounds what one address may make the listener do before anything is proven. A client with one edge entry dials 16 000 times a second while
 * the edge refuses it (spec §1.3).
 */
export class AcceptLimit {
  readonly #limits: AcceptLimits;
  readonly #buckets = new Map<string, Bucket>();
  #open = 0;

  constructor(limits: AcceptLimits) {
    this.#limits = limits;
  }

  /** Undefined where the connection may be kept; then `closed` must be called once when it ends. */
  accept(address: string, nowMs: number): AcceptRefusal | undefined {
    if (this.#open >= this.#limits.openMax) return 'too-many-connections';
    const bucket = this.#bucket(address, nowMs);
    if (bucket === undefined) return 'too-many-connections';
    if (bucket.open >= this.#limits.openPerAddressMax) return 'too-many-of-address';
    if (bucket.tokens < 1) return 'too-fast-from-address';
    bucket.tokens -= 1;
    bucket.open += 1;
    this.#open += 1;
    return undefined;
  }

  closed(address: string): void {
    const bucket = this.#buckets.get(address);
    if (bucket === undefined || bucket.open === 0) return;
    bucket.open -= 1;
    this.#open -= 1;
  }

  #bucket(address: string, nowMs: number): Bucket | undefined {
    const rate = this.#limits.perAddressPerSecondMax;
    const known = this.#buckets.get(address);
    if (known !== undefined) {
      const elapsedSeconds = Math.max(0, nowMs - known.filledAtMs) / 1000;
      known.tokens = Math.min(rate * 2, known.tokens + elapsedSeconds * rate);
      known.filledAtMs = nowMs;
      return known;
    }
    if (this.#buckets.size >= addressesMax && !this.#forgetIdle(nowMs)) return undefined;
    const bucket = { open: 0, tokens: rate * 2, filledAtMs: nowMs };
    this.#buckets.set(address, bucket);
    return bucket;
  }

  /** Forgets addresses whose bucket would be full again: forgetting them changes nothing. */
  #forgetIdle(nowMs: number): boolean {
    for (const [address, bucket] of this.#buckets) {
      if (bucket.open === 0 && nowMs - bucket.filledAtMs >= 2_000) this.#buckets.delete(address);
    }
    return this.#buckets.size < addressesMax;
  }
}
