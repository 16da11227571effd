import type { Environments, EnvironmentView } from '../ports/environments.ts';
import type { Sessions, SessionView } from '../ports/sessions.ts';

export interface SessionPlace {
  readonly session: SessionView;
  readonly environment: EnvironmentView;
}

const sessionsMax = 20_000;

/** Sessions with their environments, remembered: this process alone changes them, and says so here. */
export class SessionDirectory {
  readonly #sessions: Sessions;
  readonly #environments: Environments;
  readonly #known = new Map<string, Promise<SessionPlace | undefined>>();

  constructor(sessions: Sessions, environments: Environments) {
    this.#sessions = sessions;
    this.#environments = environments;
  }

  find(sessionId: string): Promise<SessionPlace | undefined> {
    const known = this.#known.get(sessionId);
    if (known !== undefined) return known;
    const reading = this.#read(sessionId);
    this.#known.set(sessionId, reading);
    // What is not there, or could not be read, is asked for again.
    void reading.then(
      (place) => place ?? this.forget(sessionId),
      () => this.forget(sessionId),
    );
    if (this.#known.size > sessionsMax) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    return reading;
  }

  forget(sessionId: string): void {
    this.#known.delete(sessionId);
  }

  async #read(sessionId: string): Promise<SessionPlace | undefined> {
    const session = await this.#sessions.find(sessionId);
    if (session === undefined) return undefined;
    const environment = await this.#environments.find(session.environmentId);
    return environment === undefined ? undefined : { session, environment };
  }
}
