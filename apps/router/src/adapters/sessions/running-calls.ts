import type { SessionScope } from '../../ports/session-tools.ts';

export interface CancellableCall {
  cancel(): void;
}

/** The calls that run in sessions, found by what a client knows of them: who it is, the session and the request's id. */
export class RunningCalls {
  readonly #byKey = new Map<string, CancellableCall[]>();

  add(scope: SessionScope, jsonrpcIdKey: string, call: CancellableCall): () => void {
    const key = keyOf(scope, jsonrpcIdKey);
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), call]);
    return () => {
      const left = (this.#byKey.get(key) ?? []).filter((other) => other !== call);
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    };
  }

  /** Cancels nothing where two clients use the same id at once: it may be meant for either. Another principal's calls are never found. */
  cancel(scope: SessionScope, jsonrpcIdKey: string): void {
    const [call, another] = this.#byKey.get(keyOf(scope, jsonrpcIdKey)) ?? [];
    if (another === undefined) call?.cancel();
  }

  all(): readonly CancellableCall[] {
    return [...this.#byKey.values()].flat();
  }
}

/** Ids of principals and sessions hold no line feed. */
function keyOf({ principalId, sessionId }: SessionScope, jsonrpcIdKey: string): string {
  return `${principalId}\n${sessionId}\n${jsonrpcIdKey}`;
}
