import { openPool, type PgConfig } from '@sallyport/pg';
import type pg from 'pg';

/** A search more than these waits for a connection, and is refused after 2 s. */
export const searchesAtOnceMax = 4;

/** The connections that searches share. */
export class SearchPool {
  readonly pool: pg.Pool;

  constructor(config: PgConfig) {
    this.pool = openPool({ ...config, connectionsMax: searchesAtOnceMax });
  }
}
