import type { ControlEventBody } from '@sallyport/audit-events';
import type { ControlEventWriter } from '@sallyport/audit-outbox';
import { inTransaction } from '@sallyport/pg';
import type pg from 'pg';
import { type ExecutorDescription, type ExecutorIdentity, ExecutorTrail } from '../../ports/executor-trail.ts';

const textCharactersMax = 64;

export class PgExecutorTrail extends ExecutorTrail {
  readonly #pool: pg.Pool;
  readonly #events: ControlEventWriter;

  constructor(pool: pg.Pool, events: ControlEventWriter) {
    super();
    this.#pool = pool;
    this.#events = events;
  }

  override connected(executor: ExecutorIdentity, description: ExecutorDescription): Promise<void> {
    const { tier, insecureNoIsolation, slots, unproved } = description;
    return this.#write(executor.environmentKeyId, {
      name: 'executor_connected',
      body: {
        ...executor,
        version: short(description.version),
        region: short(description.region),
        tier,
        insecureNoIsolation,
        slots,
        unproved: [...unproved],
      },
    });
  }

  override refused(executor: ExecutorIdentity, reason: string): Promise<void> {
    return this.#write(executor.environmentKeyId, {
      name: 'executor_refused',
      body: { ...executor, reason: short(reason) },
    });
  }

  override drained(actorId: string, executor: ExecutorIdentity): Promise<void> {
    return this.#write(actorId, { name: 'executor_drained', body: { ...executor } });
  }

  override disconnected(executor: ExecutorIdentity, reason: string): Promise<void> {
    return this.#write(executor.environmentKeyId, {
      name: 'executor_disconnected',
      body: { ...executor, reason: short(reason) },
    });
  }

  #write(actorId: string, event: ControlEventBody): Promise<void> {
    return inTransaction(this.#pool, (client) => this.#events.write(client, actorId, [event]));
  }
}

function short(text: string): string {
  return text.slice(0, textCharactersMax).toWellFormed();
}
