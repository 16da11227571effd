import { Frontier, TileHashReader, TileLevels, hashBytes, resumeRuns, rootAt } from '@sallyport/transparency-log';
import type pg from 'pg';
import type { BatchPlan, KnownEvent, LogPosition } from '../../domain/plan-batch.ts';
import type { LedgerTransaction } from '../../ports/ledger.ts';
import { insertLeaves } from './insert-leaves.ts';
import { leafKind, leafTable } from './leaf-table.ts';
import { PgTileHashes } from './pg-tile-hashes.ts';

/** One generation of a log, locked by the caller's transaction. */
export class PgLedgerTransaction implements LedgerTransaction {
  readonly generation: number;
  readonly #client: pg.PoolClient;
  readonly #topic: string;
  #position: LogPosition;

  private constructor(client: pg.PoolClient, topic: string, generation: number, position: LogPosition) {
    this.#client = client;
    this.#topic = topic;
    this.generation = generation;
    this.#position = position;
  }

  /** Locks the generation's position until the transaction ends. */
  static async lock(client: pg.PoolClient, topic: string, generation: number): Promise<PgLedgerTransaction> {
    const { rows } = await client.query<{ next_offset: string; frontier: Buffer }>(
      'select next_offset, frontier from generation where generation = $1 and topic = $2 for update',
      [generation, topic],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`${topic}: generation ${generation} is gone`);
    return new PgLedgerTransaction(client, topic, generation, positionOf(topic, row));
  }

  get position(): LogPosition {
    return this.#position;
  }

  async known(eventIds: readonly string[]): Promise<ReadonlyMap<string, KnownEvent>> {
    const known = new Map<string, { event: string; conflicts: string[] }>();
    if (eventIds.length === 0) return known;
    const { rows } = await this.#client.query<{ id: string; hash: Buffer; kind: number }>(
      `select event_id::text as id, hash, kind from ${leafTable(this.generation)} where kind = 0 and event_id = any ($1::uuid[])
        union all select event_id::text, hash, kind from ${leafTable(this.generation)} where kind = 1 and event_id = any ($1::uuid[])`,
      [eventIds],
    );
    for (const { id, hash, kind } of rows) {
      const entry = known.get(id) ?? { event: '', conflicts: [] };
      if (kind === leafKind.event) entry.event = hash.toString('hex');
      else entry.conflicts.push(hash.toString('hex'));
      known.set(id, entry);
    }
    return known;
  }

  async levels(): Promise<TileLevels> {
    const { size } = this.#position.frontier;
    const runs = resumeRuns(size);
    const stored = await new PgTileHashes(this.#client, this.generation).readRuns(runs);
    const pending = runs.map((run, level) => {
      const hashes = stored[level];
      if (hashes?.length !== run.count * hashBytes)
        throw new Error(`${this.#topic}: hashes of level ${level} are missing`);
      return Array.from({ length: run.count }, (_, at) => hashes.subarray(at * hashBytes, (at + 1) * hashBytes));
    });
    return new TileLevels(size, pending);
  }

  async rootAt(size: number): Promise<Uint8Array> {
    return rootAt(new TileHashReader(new PgTileHashes(this.#client, this.generation)), size);
  }

  async write(plan: BatchPlan, announce: boolean): Promise<void> {
    await insertLeaves(this.#client, this.generation, plan.leaves);
    if (announce) await this.#queueIrregular(plan);
    await this.#client.query({
      name: 'audit-move-position',
      text: 'update generation set next_offset = $2, tree_size = $3, frontier = $4 where generation = $1',
      values: [this.generation, plan.nextOffset, plan.frontier.size, plan.frontier.serialize()],
    });
    if (plan.tileHashes.length > 0) await this.#insertTileHashes(plan);
    if (plan.sources.size > 0) await this.#countSources(plan);
    this.#position = { nextOffset: plan.nextOffset, frontier: plan.frontier };
  }

  async #insertTileHashes({ tileHashes }: BatchPlan): Promise<void> {
    await this.#client.query(
      `insert into tile_hash (generation, level, index, hash)
        select $1, * from unnest($2::smallint[], $3::bigint[], $4::bytea[])`,
      [
        this.generation,
        tileHashes.map(({ level }) => level),
        tileHashes.map(({ index }) => index),
        tileHashes.map(({ hash }) => hash),
      ],
    );
  }

  async #countSources({ sources }: BatchPlan): Promise<void> {
    const progress = [...sources];
    await this.#client.query(
      `insert into source_sequence as known (generation, source, last_sequence, events)
        select $1, * from unnest($2::text[], $3::bigint[], $4::bigint[])
        on conflict (generation, source) do update set last_sequence = greatest(known.last_sequence, excluded.last_sequence),
          events = known.events + excluded.events, touched_at = now()`,
      [
        this.generation,
        progress.map(([source]) => source),
        progress.map(([, { last }]) => last),
        progress.map(([, { events }]) => events),
      ],
    );
  }

  async #queueIrregular({ leaves }: BatchPlan): Promise<void> {
    for (const { index, record, kind } of leaves) {
      if (kind === 'event') continue;
      const reason = record.kind === 'unparseable' ? record.reason : 'id-taken';
      const raw = record.kind === 'unparseable' ? record.leaf : Buffer.from(record.body);
      await this.#client.query(
        `insert into irregular_record (topic, log_offset, leaf_index, kind, reason, raw) values ($1, $2, $3, $4, $5, $6)
          on conflict (topic, log_offset) do nothing`,
        [this.#topic, record.offset, index, leafKind[kind], reason, raw],
      );
    }
  }
}

export function positionOf(
  topic: string,
  row: { readonly next_offset: string; readonly frontier: Buffer },
): LogPosition {
  const frontier = Frontier.parse(row.frontier);
  if (!frontier.ok) throw new Error(`${topic}: the stored frontier is malformed`);
  return { nextOffset: BigInt(row.next_offset), frontier: frontier.value };
}
