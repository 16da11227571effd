import { type HashRun, TileHashes } from '@sallyport/transparency-log';
import type pg from 'pg';
import { leafTable } from './leaf-table.ts';

interface RunRow {
  readonly run: number;
  readonly hashes: Buffer;
}

/** The stored hashes of a generation: those of the leaves stand with the leaves, those of whole tiles in a table of their own. */
export class PgTileHashes extends TileHashes {
  readonly #client: pg.Pool | pg.PoolClient;
  readonly #generation: number;

  constructor(client: pg.Pool | pg.PoolClient, generation: number) {
    super();
    this.#client = client;
    this.#generation = generation;
  }

  override async readRuns(runs: readonly HashRun[]): Promise<readonly Uint8Array[]> {
    const answers: Uint8Array[] = runs.map(() => new Uint8Array());
    const numbered = runs.map((run, index) => ({ ...run, index })).filter((run) => run.count > 0);
    const leaves = numbered.filter((run) => run.level === 0);
    const tiles = numbered.filter((run) => run.level > 0);
    const rows = [...(await this.#leafRuns(leaves)), ...(await this.#tileRuns(tiles))];
    for (const { run, hashes } of rows) answers[run] = hashes;
    return answers;
  }

  async #leafRuns(runs: readonly (HashRun & { readonly index: number })[]): Promise<RunRow[]> {
    if (runs.length === 0) return [];
    const { rows } = await this.#client.query<RunRow>(
      `select run, hashes from unnest($1::int[], $2::bigint[], $3::bigint[]) as wanted (run, from_index, to_index),
        lateral (select string_agg(hash, ''::bytea order by leaf_index) as hashes from ${leafTable(this.#generation)}
          where leaf_index >= from_index and leaf_index < to_index) as found where hashes is not null`,
      [runs.map(({ index }) => index), runs.map(({ from }) => from), runs.map(({ from, count }) => from + count)],
    );
    return rows;
  }

  async #tileRuns(runs: readonly (HashRun & { readonly index: number })[]): Promise<RunRow[]> {
    if (runs.length === 0) return [];
    const { rows } = await this.#client.query<RunRow>(
      `select run, hashes from unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[]) as wanted (run, at_level, from_index, to_index),
        lateral (select string_agg(hash, ''::bytea order by index) as hashes from tile_hash
          where generation = $5 and level = at_level and index >= from_index and index < to_index) as found where hashes is not null`,
      [
        runs.map(({ index }) => index),
        runs.map(({ level }) => level),
        runs.map(({ from }) => from),
        runs.map(({ from, count }) => from + count),
        this.#generation,
      ],
    );
    return rows;
  }
}
