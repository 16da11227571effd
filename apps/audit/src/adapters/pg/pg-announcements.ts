import { auditTopic } from '@sallyport/audit-events';
import { canonicalize } from '@sallyport/transparency-log';
import type pg from 'pg';
import { type Announcement, Announcements } from '../../ports/announcements.ts';

interface CheckpointRow {
  readonly origin: string;
  readonly size: string;
  readonly root: Buffer;
  readonly note: string;
  readonly event_id: string;
  readonly signed_at: Date;
}

interface IrregularRow {
  readonly topic: string;
  readonly log_offset: string;
  readonly leaf_index: string;
  readonly kind: number;
  readonly reason: string;
  readonly raw: Buffer;
  readonly event_id: string;
  readonly noticed_at: Date;
}

/** What waits in the ledger's own tables to be published. `pool` has the audit schema as its search path. */
export class PgAnnouncements extends Announcements {
  readonly #pool: pg.Pool;
  readonly #source: string;

  /** `source` names this ledger in the events, say `audit/<deployment>`. */
  constructor(pool: pg.Pool, source: string) {
    super();
    this.#pool = pool;
    this.#source = source;
  }

  override async waiting(limit: number): Promise<readonly Announcement[]> {
    const checkpoints = await this.#pool.query<CheckpointRow>(
      `select origin, size, root, note, event_id, signed_at from checkpoint where published_at is null order by signed_at, size limit $1`,
      [limit],
    );
    const irregular = await this.#pool.query<IrregularRow>(
      `select topic, log_offset, leaf_index, kind, reason, raw, event_id, noticed_at from irregular_record
        where published_at is null order by noticed_at, log_offset limit $1`,
      [limit],
    );
    return [
      ...irregular.rows.map((row) => this.#irregular(row)),
      ...checkpoints.rows.map((row) => this.#checkpoint(row)),
    ];
  }

  #checkpoint(row: CheckpointRow): Announcement {
    const data = { note: row.note, origin: row.origin, rootHash: row.root.toString('hex'), size: Number(row.size) };
    const attributes = { id: row.event_id, time: row.signed_at, subject: row.origin };
    return {
      topic: auditTopic.checkpoint,
      key: row.origin,
      value: this.#envelope('sallyport.ledger.checkpoint.v1', attributes, data),
      done: () =>
        this.#done('update checkpoint set published_at = now() where origin = $1 and size = $2', row.origin, row.size),
    };
  }

  /** The raw bytes go along: whoever is called out must see what came. */
  #irregular(row: IrregularRow): Announcement {
    const kind = row.kind === 1 ? 'conflict' : 'unparseable';
    const attributes = { id: row.event_id, time: row.noticed_at, subject: `${row.topic}/${row.log_offset}` };
    const data = {
      leafIndex: Number(row.leaf_index),
      offset: Number(row.log_offset),
      rawBase64: row.raw.toString('base64'),
      reason: row.reason,
      topic: row.topic,
    };
    return {
      topic: auditTopic.deadLetter,
      key: row.topic,
      value: this.#envelope(`sallyport.ledger.${kind}.v1`, attributes, data),
      done: () =>
        this.#done(
          'update irregular_record set published_at = now() where topic = $1 and log_offset = $2',
          row.topic,
          row.log_offset,
        ),
    };
  }

  #envelope(
    type: string,
    { id, time, subject }: { readonly id: string; readonly time: Date; readonly subject: string },
    data: object,
  ): string {
    const text = canonicalize({
      data,
      datacontenttype: 'application/json',
      id,
      source: this.#source,
      specversion: '1.0',
      subject,
      time: time.toISOString(),
      type,
    });
    if (!text.ok) throw new Error(`an announcement of type ${type} has no canonical form: ${text.reason}`);
    return text.value;
  }

  async #done(update: string, ...key: readonly string[]): Promise<void> {
    await this.#pool.query(update, [...key]);
  }
}
