import type { ControlEventWriter } from '@sallyport/audit-outbox';
import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import { type SessionAttempt, SessionTrail } from '../../ports/session-trail.ts';

export class PgSessionTrail extends SessionTrail {
  readonly #pool: pg.Pool;
  readonly #events: ControlEventWriter;

  constructor(pool: pg.Pool, events: ControlEventWriter) {
    super();
    this.#pool = pool;
    this.#events = events;
  }

  override refused({ principalId, ...attempt }: SessionAttempt, reason: string): Promise<void> {
    const event = { name: 'session_refused', body: { ...attempt, reason } } as const;
    return inTransaction(this.#pool, (client) => this.#events.write(client, principalId, [event]));
  }
}
