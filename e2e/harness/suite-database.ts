import { join } from 'node:path';
import { openPool } from '@sallyport/pg';
import { suiteSockets } from './suite-sockets.ts';

/** The suite's database as its superuser sees it: who may change everything behind the ledger's back. */
export function openSuiteDatabase(dataDir: string, schema = 'audit') {
  const host = encodeURIComponent(join(suiteSockets(dataDir), 'postgres'));
  return openPool({
    url: `postgresql://postgres@localhost:5432/sallyport?host=${host}`,
    schema,
    applicationName: 'e2e',
    connectionsMax: 2,
    statementMsMax: 60_000,
    passwordFile: join(dataDir, 'secrets', 'postgres-password'),
  });
}
