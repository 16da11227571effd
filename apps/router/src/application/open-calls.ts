import type { Route } from '../ports/routes.ts';
import type { CallInFlight } from './call-in-flight.ts';

/** What a client knows of its calls: who it is, where it calls, and its session where it has one. */
export interface CallScope {
  readonly route: Pick<Route, 'principalId' | 'host'>;
  readonly sessionId: string | undefined;
  readonly clientIp: string;
}

/** The calls that this router has open, found by what a client knows of them: its session and the request's id. */
export class OpenCalls {
  readonly #byKey = new Map<string, CallInFlight[]>();

  get size(): number {
    let size = 0;
    for (const calls of this.#byKey.values()) size += calls.length;
    return size;
  }

  /** Until the call's end is written. */
  add(scope: CallScope, jsonrpcIdKey: string, call: CallInFlight): () => void {
    const key = keyOf(scope, jsonrpcIdKey);
    const calls = this.#byKey.get(key);
    if (calls === undefined) this.#byKey.set(key, [call]);
    else calls.push(call);
    return () => this.#remove(key, call);
  }

  /** Oldest first; more than one where clients that cannot be told apart use the same id at once. Another principal's calls are never found. */
  find(scope: CallScope, jsonrpcIdKey: string): readonly CallInFlight[] {
    return this.#byKey.get(keyOf(scope, jsonrpcIdKey)) ?? [];
  }

  all(): readonly CallInFlight[] {
    return [...this.#byKey.values()].flat();
  }

  #remove(key: string, call: CallInFlight): void {
    const calls = this.#byKey.get(key);
    const at = calls?.indexOf(call) ?? -1;
    if (calls === undefined || at < 0) return;
    if (calls.length === 1) this.#byKey.delete(key);
    else calls.splice(at, 1);
  }
}

/** Clients without a session all count from the same ids: their address is what is left to tell them apart. No header holds a line feed. */
function keyOf({ route, sessionId, clientIp }: CallScope, jsonrpcIdKey: string): string {
  const client = sessionId === undefined ? `ip ${clientIp}` : `session ${sessionId}`;
  return `${route.principalId}\n${route.host}\n${client}\n${jsonrpcIdKey}`;
}
