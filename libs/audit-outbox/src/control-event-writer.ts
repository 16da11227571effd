import { auditTopic, controlEnvelope, type ControlEventBody } from '@sallyport/audit-events';
import type pg from 'pg';
import type { EventClockAndIds } from './call-drafts.ts';

/** Writes events about what is not a call in the caller's transaction. One for each process: sequences count from 1 in its source. */
export class ControlEventWriter {
  readonly #ids: EventClockAndIds;
  readonly #source: string;

  constructor(service: string, ids: EventClockAndIds) {
    this.#ids = ids;
    this.#source = `${service}/${ids.uuid()}`;
  }

  /** Call it last: it takes the lock that orders the source's events, and it should be short. `actorId` is a credential's id, or `system`. */
  async write(client: pg.ClientBase, actorId: string, events: readonly ControlEventBody[]): Promise<void> {
    if (events.length === 0) return;
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
