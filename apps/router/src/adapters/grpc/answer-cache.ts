import type { Result } from '@sallyport/result';

const acceptedMax = 10_000;
const refusedMax = 10_000;

/**
 * What control answered, as long as it holds. The revision names the state that an answer was read from: one that is older than a revision seen
 * since is not kept, so a revocation cannot be undone by an answer that was on its way. Refusals have their own room, so that guessing
 * credentials does not push out those that work.
 */
export class AnswerCache<Value, Refusal> {
  readonly #accepted = new Map<string, Result<Value, Refusal>>();
  readonly #refused = new Map<string, Result<Value, Refusal>>();
  #revision = 0n;
  #trustedUntilMs = 0;

  /** A sign of life from control: what is cached holds until `untilMs`. */
  trust(revision: bigint, untilMs: number): void {
    if (revision !== this.#revision) {
      this.#accepted.clear();
      this.#refused.clear();
      this.#revision = revision;
    }
    this.#trustedUntilMs = untilMs;
  }

  get(key: string, nowMs: number): Result<Value, Refusal> | undefined {
    return nowMs < this.#trustedUntilMs ? (this.#accepted.get(key) ?? this.#refused.get(key)) : undefined;
  }

  put(key: string, answer: Result<Value, Refusal>, revision: bigint): void {
    if (revision !== this.#revision) return;
    const [entries, entriesMax] = answer.ok ? [this.#accepted, acceptedMax] : [this.#refused, refusedMax];
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    }
    entries.set(key, answer);
  }
}
