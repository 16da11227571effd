import type { ControlEventBody } from '@sallyport/audit-events';
import { ControlEventWriter } from '@sallyport/audit-outbox';
import type pg from 'pg';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';

const channel = 'control_revision';

/** What every change of control's state does besides the change itself, in the same transaction: audit events and a new revision. */
export class ControlChanges {
  readonly #events: ControlEventWriter;

  constructor(ids: ClockAndIds) {
    this.#events = new ControlEventWriter('control', ids);
  }

  /** Call it last: it takes the locks that order writers, and they should be short. */
  async record(client: pg.ClientBase, actorId: string, events: readonly ControlEventBody[]): Promise<void> {
    await this.publish(client, actorId, events);
    await client.query('update configuration_revision set revision = revision + 1');
    await client.query(`select pg_notify($1, '')`, [channel]);
  }

  /** Audit events alone, for what changes no route: a read, a reveal. */
  publish(client: pg.ClientBase, actorId: string, events: readonly ControlEventBody[]): Promise<void> {
    return this.#events.write(client, actorId, events);
  }
}

export const revisionChannel = channel;
