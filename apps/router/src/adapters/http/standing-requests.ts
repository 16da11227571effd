import type { ClientResponse } from './client-response.ts';
import type { Destination } from './destination.ts';

/** A request with the destination that it was let in to. */
export interface StandingRequest {
  readonly destination: Pick<Destination, 'stillOpen'>;
  readonly client: ClientResponse;
}

/**
 * Requests may stand for as long as their stream does, but not longer than the right to them: then they are cut, and the client may ask anew. A
 * tool call ends by itself and is left alone.
 */
export class StandingRequests {
  readonly #requests = new Map<StandingRequest, number>();
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

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
        const answer = await request.destination.stillOpen();
        if (answer === 'unknown') return;
        if (answer === 'closed') request.client.cut();
      }
    } finally {
      this.#looking = false;
    }
  }
}
