import type { Result } from '@sallyport/result';
import type { Route, RouteRefusal } from '../../ports/routes.ts';

export type CachedRoute = Result<Route, Exclude<RouteRefusal, 'control_unavailable'>>;

const routesMax = 10_000;
const refusalsMax = 10_000;

/**
 * What control answered, as long as it holds. The revision names the state that an answer was read from: one that is older than a revision seen
 * since is not kept, so a revocation cannot be undone by an answer that was on its way. Refusals have their own room, so that guessing
 * credentials does not push out those that work.
 */
export class RouteCache {
  readonly #routes = new Map<string, CachedRoute>();
  readonly #refusals = new Map<string, CachedRoute>();
  #revision = 0n;
  #trustedUntilMs = 0;

  /** A sign of life from control: what is cached holds until `untilMs`. */
  trust(revision: bigint, untilMs: number): void {
    if (revision !== this.#revision) {
      this.#routes.clear();
      this.#refusals.clear();
      this.#revision = revision;
    }
    this.#trustedUntilMs = untilMs;
  }

  get(key: string, nowMs: number): CachedRoute | undefined {
    return nowMs < this.#trustedUntilMs ? (this.#routes.get(key) ?? this.#refusals.get(key)) : undefined;
  }

  put(key: string, answer: CachedRoute, revision: bigint): void {
    if (revision !== this.#revision) return;
    const [entries, entriesMax] = answer.ok ? [this.#routes, routesMax] : [this.#refusals, refusalsMax];
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    }
    entries.set(key, answer);
  }
}
