import type pg from 'pg';
import { CheckpointStore, type SignedCheckpoint } from '../../ports/checkpoint-store.ts';

interface Row {
  readonly origin: string;
  readonly size: string;
  readonly root: Buffer;
  readonly note: string;
  readonly event_id: string;
  readonly signed_at: Date;
}

const columns = 'origin, size, root, note, event_id, signed_at';

/** `pool` has the audit schema as its search path. */
export class PgCheckpointStore extends CheckpointStore {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    super();
    this.#pool = pool;
  }

  override async add(checkpoint: SignedCheckpoint): Promise<void> {
    const { origin, size, root, note, eventId, signedAtMs } = checkpoint;
    await this.#pool.query(
      `insert into checkpoint (${columns}) values ($1, $2, $3, $4, $5, $6) on conflict (origin, size) do nothing`,
      [origin, size, root, note, eventId, new Date(signedAtMs)],
    );
  }

  override async newest(origin: string): Promise<SignedCheckpoint | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'audit-newest-checkpoint',
      text: `select ${columns} from checkpoint where origin = $1 order by size desc limit 1`,
      values: [origin],
    });
    return rows[0] === undefined ? undefined : checkpointOf(rows[0]);
  }

  override async between(origin: string, fromSize: number, toSize: number): Promise<readonly SignedCheckpoint[]> {
    const { rows } = await this.#pool.query<Row>(
      `select ${columns} from checkpoint where origin = $1 and size > $2 and size <= $3 order by size`,
      [origin, fromSize, toSize],
    );
    return rows.map(checkpointOf);
  }
}

function checkpointOf(row: Row): SignedCheckpoint {
  const { origin, size, root, note } = row;
  return { origin, size: Number(size), root, note, eventId: row.event_id, signedAtMs: row.signed_at.getTime() };
}
