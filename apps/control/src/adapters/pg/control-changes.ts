import { auditTopic, controlEnvelope, type ControlEventBody } from '@sallyport/audit-events';
import type pg from 'pg';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';

const channel = 'control_revision';

/** What every change of control's state does besides the change itself, in the same transaction: audit events and a new revision. */
export class ControlChanges {
  readonly #ids: ClockAndIds;
  /** A new one for each process: sequences count from 1 in it. */
  readonly #source: string;

  constructor(ids: ClockAndIds) {
    this.#ids = ids;
    this.#source = `control/${ids.uuid()}`;
  }

  /** Call it last: it takes the locks that order writers, and they should be short. */
  async record(client: pg.ClientBase, actorId: string, events: readonly ControlEventBody[]): Promise<void> {
    await this.publish(client, actorId, events);
    await client.query('update configuration_revision set revision = revision + 1');
    await client.query(`select pg_notify($1, '')`, [channel]);
  }

  /** Audit events alone, for what changes no route: a read, a reveal. */
  async publish(client: pg.ClientBase, actorId: string, events: readonly ControlEventBody[]): Promise<void> {
    const { rows } = await client.query<{ last_sequence: string }>(
      `insert into outbox_source (source, last_sequence) values ($1, $2)
       on conflict (source) do update set last_sequence = outbox_source.last_sequence + $2, touched_at = now() returning last_sequence`,
      [this.#source, events.length],
    );
    const first = BigInt(rows[0]?.last_sequence ?? 0) - BigInt(events.length) + 1n;
    for (const [index, event] of events.entries()) {
      const stamp = {
        id: this.#ids.uuid(),
        source: this.#source,
        sequence: first + BigInt(index),
        timeMs: this.#ids.nowMs(),
        key: event.body.workspaceId,
      };
      await client.query('insert into outbox (topic, key, event_id, value) values ($1, $2, $3, $4)', [
        auditTopic.control,
        stamp.key,
        stamp.id,
        controlEnvelope(stamp, actorId, event),
      ]);
    }
    await client.query(`select pg_notify(current_schema() || '_outbox', '')`);
  }
}

export const revisionChannel = channel;
