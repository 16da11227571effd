import { readFileSync } from 'node:fs';
import pg from 'pg';

export interface PgConfig {
  /** `postgresql://role@host:port/database`, or `postgresql://role@localhost/database?host=<socket directory>`. */
  readonly url: string;
  /** The schema that this service owns: its `search_path`. */
  readonly schema: string;
  readonly applicationName: string;
  readonly connectionsMax: number;
  readonly statementMsMax: number;
  /** Read at each new connection, so that a rotated password needs no restart. Of the URL's parameters only `host` counts then. */
  readonly passwordFile?: string;
  /** PEM. Where it is given, the server must present a certificate that chains to it and names the host. */
  readonly caFile?: string;
}

const connectMsMax = 2_000;
/** A forgotten transaction would stall the outbox's order gate for every service of the cluster. */
const idleInTransactionMsMax = 15_000;

/** Opens a pool. It connects lazily; a broken idle connection is dropped, never an unhandled error. */
export function openPool(config: PgConfig, onIdleError: (error: Error) => void = () => undefined): pg.Pool {
  const { passwordFile, caFile } = config;
  const pool = new pg.Pool({
    ...(passwordFile === undefined ? { connectionString: config.url } : connectionOf(config.url)),
    application_name: `sallyport-${config.applicationName}`,
    max: config.connectionsMax,
    connectionTimeoutMillis: connectMsMax,
    statement_timeout: config.statementMsMax,
    query_timeout: config.statementMsMax + 1_000,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    keepAlive: true,
    options: `-c search_path=${config.schema}`,
    ...(passwordFile === undefined ? {} : { password: () => readFileSync(passwordFile, 'utf8').trim() }),
    ...(caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, 'utf8'), rejectUnauthorized: true } }),
  });
  pool.on('error', onIdleError);
  // A connection that is checked out and breaks between two statements tells nobody but this listener; without one the process would end.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The parts of a URL: with `connectionString`, the driver would take the URL's password, which is none, and no other. */
function connectionOf(text: string): pg.PoolConfig {
  const url = new URL(text);
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  return {
    host,
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
}
