import type { Route, Routes } from '../../ports/routes.ts';
import type { ClientResponse } from './client-response.ts';

/** A request with the route that it was let in by. */
export interface StandingRequest {
  readonly credential: string;
  readonly route: Route;
  readonly client: ClientResponse;
}

/**
 * Requests may stand for as long as their stream does, but not on a credential that was revoked meanwhile, for a tunnel that is gone, or under
 * a policy that has changed: then they are cut, and the client may ask anew. A tool call ends by itself and is left alone.
 */
export class StandingRequests {
  readonly #routes: Routes;
  readonly #requests = new Map<StandingRequest, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(routes: Routes) {
    this.#routes = routes;
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => void this.#look(performance.now() - everyMs), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  add(request: StandingRequest): () => void {
    this.#requests.set(request, performance.now());
    return () => this.#requests.delete(request);
  }

  async #look(beganBeforeMs: number): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const [request, beganMs] of this.#requests) {
        if (beganMs > beganBeforeMs) break; // in the order of their beginning
        if (request.client.isOfCall) continue;
        const route = await this.#routes.resolve(request.credential, request.route.host);
        if (!route.ok && route.reason === 'control_unavailable') return;
        if (!route.ok || route.value.policy.sha256 !== request.route.policy.sha256) request.client.cut();
      }
    } finally {
      this.#looking = false;
    }
  }
}
