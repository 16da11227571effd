import { TileHashes, type HashRun } from '@sallyport/transparency-log';
import type pg from 'pg';
import {
  type EventFilter,
  type EventRange,
  type LedgerEvent,
  LedgerReader,
  LedgerReplaced,
  SearchTooBroad,
  type StoredLeaf,
} from '../../ports/ledger-reader.ts';
import { leafTable, leavesPerTimeBlock } from './leaf-table.ts';
import { PgTileHashes } from './pg-tile-hashes.ts';

interface EventRow {
  readonly leaf_index: string;
  readonly body: string;
  readonly workspace: string | null;
  readonly event_time: Date;
}

const eventColumns = 'leaf_index, body, workspace, event_time';
const undefinedTable = '42P01';
const queryCanceled = '57014';

export interface ReaderPools {
  /** For what signing, proofs and exports read. */
  readonly pool: pg.Pool;
  /** For searches alone: however many people search however broadly, the ledger goes on growing. */
  readonly searchPool: pg.Pool;
}

/** Reads the live generations. Both pools have the audit schema as their search path. */
export class PgLedgerReader extends LedgerReader {
  readonly #pool: pg.Pool;
  readonly #searchPool: pg.Pool;

  constructor({ pool, searchPool }: ReaderPools) {
    super();
    this.#pool = pool;
    this.#searchPool = searchPool;
  }

  override async range(filter: EventFilter, range: EventRange): Promise<readonly LedgerEvent[]> {
    return this.#live(range.topic, async (table, origin, generation) => {
      const span = await this.#span(generation, filter);
      if (span === undefined) return [];
      const { conditions, values } = conditionsOf(filter, range, span);
      const { rows } = await this.#search<EventRow>(
        range.topic,
        `select ${eventColumns} from ${table} where ${conditions.join(' and ')}
          order by leaf_index ${range.newestFirst ? 'desc' : 'asc'} limit $1`,
        values,
      );
      return rows.map((row) => eventOf(row, range.topic, origin));
    });
  }

  /** A statement of a search that runs out of its time says that too much was asked for; elsewhere it is a fault. */
  async #search<Row extends pg.QueryResultRow>(topic: string, text: string, values: unknown[]) {
    try {
      return await this.#searchPool.query<Row>(text, values);
    } catch (error) {
      if (hasCode(error, queryCanceled))
        throw new SearchTooBroad(`a search of ${topic} took too long`, { cause: error });
      throw error;
    }
  }

  /** The leaves between which all events of the filter's time are. Undefined: there are none. */
  async #span(generation: number, { fromTime, toTime }: EventFilter): Promise<LeafSpan | undefined> {
    if (fromTime === '' && toTime === '') return {};
    const { rows } = await this.#searchPool.query<{ first: string | null; last: string | null }>({
      name: 'audit-time-blocks',
      text: `select min(block) as first, max(block) as last from leaf_time
        where generation = $1 and to_time >= coalesce($2, '-infinity'::timestamptz) and from_time < coalesce($3, 'infinity'::timestamptz)`,
      values: [generation, fromTime === '' ? null : fromTime, toTime === '' ? null : toTime],
    });
    const { first, last } = rows[0] ?? {};
    if (typeof first !== 'string' || typeof last !== 'string') return undefined;
    return { from: Number(first) * leavesPerTimeBlock, to: (Number(last) + 1) * leavesPerTimeBlock };
  }

  override async call(topic: string, workspace: string, callId: string): Promise<readonly LedgerEvent[]> {
    return this.#live(topic, async (table, origin) => {
      const { rows } = await this.#pool.query<EventRow>(
        `select ${eventColumns} from ${table} where call_id = $1 and ($2 = '' or workspace = $2) order by seq, leaf_index limit 10000`,
        [callId, workspace],
      );
      return rows.map((row) => eventOf(row, topic, origin));
    });
  }

  override async leaves(topic: string, fromIndex: number, toIndex: number): Promise<readonly StoredLeaf[]> {
    const rows = await this.#live(topic, async (table) => {
      const found = await this.#pool.query<{
        leaf_index: string;
        hash: Buffer;
        body: string | null;
        raw: Buffer | null;
      }>(
        `select leaf_index, hash, body, raw from ${table} where leaf_index >= $1 and leaf_index < $2 order by leaf_index`,
        [fromIndex, toIndex],
      );
      return found.rows;
    });
    return rows.map(({ leaf_index, hash, body, raw }, at) => {
      if (Number(leaf_index) !== fromIndex + at) throw new Error(`${topic}: leaf ${fromIndex + at} is missing`);
      return { hash, entry: raw ?? Buffer.from(body ?? '') };
    });
  }

  override hashes(topic: string): TileHashes {
    return new LiveHashes((runs) =>
      this.#live(topic, (_table, _origin, generation) => new PgTileHashes(this.#pool, generation).readRuns(runs)),
    );
  }

  async #live<Answer>(
    topic: string,
    work: (table: string, origin: string, generation: number) => Promise<Answer>,
  ): Promise<Answer> {
    const { rows } = await this.#pool.query<{ origin: string; generation: number }>({
      name: 'audit-live-generation',
      text: 'select origin, generation from log where topic = $1',
      values: [topic],
    });
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no log ${topic}`);
    try {
      return await work(leafTable(row.generation), row.origin, row.generation);
    } catch (error) {
      if (hasCode(error, undefinedTable)) throw new LedgerReplaced(`${topic} was rebuilt meanwhile`, { cause: error });
      throw error;
    }
  }
}

class LiveHashes extends TileHashes {
  readonly #read: (runs: readonly HashRun[]) => Promise<readonly Uint8Array[]>;

  constructor(read: (runs: readonly HashRun[]) => Promise<readonly Uint8Array[]>) {
    super();
    this.#read = read;
  }

  override readRuns(runs: readonly HashRun[]): Promise<readonly Uint8Array[]> {
    return this.#read(runs);
  }
}

/** `to` is excluded. */
interface LeafSpan {
  readonly from?: number;
  readonly to?: number;
}

function conditionsOf(
  filter: EventFilter,
  range: EventRange,
  span: LeafSpan,
): { conditions: string[]; values: unknown[] } {
  const values: unknown[] = [range.limit];
  // Only events have a body. `kind = 0` says the same, and leads to the index of event ids, which is in no useful order.
  const conditions = ['body is not null'];
  const add = (condition: string, value: unknown) => {
    values.push(value);
    conditions.push(`${condition} $${values.length}`);
  };
  const exact: readonly (readonly [string, string])[] = [
    ['workspace =', filter.workspace],
    ['call_id =', filter.callId],
    ['type =', filter.type],
    ['tool =', filter.tool],
    ['tunnel =', filter.tunnel],
    ['principal =', filter.principal],
    ['phase =', filter.phase],
    ['event_time >=', filter.fromTime],
    ['event_time <', filter.toTime],
  ];
  for (const [condition, value] of exact) if (value !== '') add(condition, value);
  if (range.from !== undefined) add(range.newestFirst ? 'leaf_index <' : 'leaf_index >=', range.from);
  if (span.from !== undefined) add('leaf_index >=', span.from);
  if (span.to !== undefined) add('leaf_index <', span.to);
  return { conditions, values };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function eventOf(row: EventRow, topic: string, origin: string): LedgerEvent {
  return {
    topic,
    origin,
    leafIndex: Number(row.leaf_index),
    workspace: row.workspace ?? '',
    envelope: row.body,
    timeMs: row.event_time.getTime(),
  };
}
