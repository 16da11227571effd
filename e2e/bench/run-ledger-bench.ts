import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditTopic } from '@sallyport/audit-events';
import { PgEventLogPublisher } from '@sallyport/event-log-pg';
import { type CliResult, run, runCliWithin } from '../harness/run-cli.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { openSuiteDatabase } from '../harness/suite-database.ts';
import { type LedgerQuery, ledgerQueries } from './ledger-queries.ts';
import { machine, type Machine } from './machine.ts';
import { QueryPlans } from './query-plans.ts';
import { common, rare, SyntheticCalls } from './synthetic-calls.ts';

export interface IngestSlice {
  /** Leaves in the log before and after. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  readonly databaseGib: number;
}

export interface QueryTimes {
  readonly title: string;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly mostMs: number;
  /** What came: events of a page, proofs, or the status where it was not 200. */
  readonly answer: string;
  readonly plans: readonly string[];
}

export interface FileTimes {
  readonly title: string;
  readonly seconds: number;
  readonly answer: string;
}

export interface LedgerReport {
  readonly machine: Machine;
  readonly events: number;
  readonly slices: readonly IngestSlice[];
  readonly queries: readonly QueryTimes[];
  readonly files: readonly FileTimes[];
}

type Note = (text: string) => void;

const callsPerBatch = 250;
const repeats = 7;
const ingestMsMax = 30 * 60_000;
const filesMsMax = 60 * 60_000;

/** Fills a suite's ledger with `events` events of calls, and asks it what people and SIEMs ask. */
export async function runLedgerBench(events: number, sliceEvents: number, note: Note): Promise<LedgerReport> {
  note('starting the suite');
  const suite = await startSuite({ args: [] });
  try {
    const startMs = Date.now() - 24 * 3_600_000;
    const calls = new SyntheticCalls(startMs);
    await addWorkspaces(suite, [common.workspace, rare.workspace]);
    const slices = await fill(suite, calls, { events, sliceEvents }, note);
    const { to = 0 } = slices.at(-1) ?? {};
    const questions = ledgerQueries(startMs, calls.timeMs);
    const queries = await askAll(suite, questions, note);
    return { machine: machine(), events: to, slices, queries, files: await exportAndVerify(suite, note) };
  } finally {
    await suite.dispose();
  }
}

/** Each slice is published while the audit service is held, so that the time is the ledger's alone. */
async function fill(
  suite: Suite,
  calls: SyntheticCalls,
  wanted: { readonly events: number; readonly sliceEvents: number },
  note: Note,
): Promise<readonly IngestSlice[]> {
  const log = openSuiteDatabase(suite.ready.dataDir, 'event_log');
  const ledger = openSuiteDatabase(suite.ready.dataDir);
  const publisher = new PgEventLogPublisher(log);
  const slices: IngestSlice[] = [];
  const topic = auditTopic.toolcall;
  // Its live tail would print every event.
  process.kill(suite.ready.pid, 'SIGSTOP');
  try {
    let [published, size] = [0, await treeSize(ledger)];
    const before = size;
    while (published < wanted.events) {
      const from = size;
      process.kill(suite.pidOf('audit'), 'SIGSTOP');
      for (const untilCount = published + wanted.sliceEvents; published < untilCount;) {
        const batch = calls.take(callsPerBatch);
        await publisher.publishBatch(topic, batch);
        published += batch.length;
      }
      process.kill(suite.pidOf('audit'), 'SIGCONT');
      const startedMs = performance.now();
      while (size < before + published) {
        if (performance.now() - startedMs > ingestMsMax) throw new Error(`the ledger stands still at ${size}`);
        await sleep(50);
        size = await treeSize(ledger);
      }
      const seconds = (performance.now() - startedMs) / 1_000;
      slices.push({ from, to: size, seconds, databaseGib: await databaseGib(ledger) });
      note(`${size} leaves, ${Math.round((size - from) / seconds)} a second`);
    }
    return slices;
  } finally {
    process.kill(suite.ready.pid, 'SIGCONT');
    await publisher.close();
    await log.end();
    await ledger.end();
  }
}

async function askAll(suite: Suite, questions: readonly LedgerQuery[], note: Note): Promise<readonly QueryTimes[]> {
  const timed: Omit<QueryTimes, 'plans'>[] = [];
  for (const question of questions) {
    const times: number[] = [];
    let answer = '';
    for (let at = 0; at < repeats; at += 1) {
      const startedMs = performance.now();
      const { status, body } = await ask(suite, question, at);
      times.push(performance.now() - startedMs);
      answer = status === 200 ? `${(body as { data: unknown[] }).data.length}` : `refused, ${status}`;
    }
    const sorted = times.toSorted((a, b) => a - b);
    const [firstMs = 0] = times;
    const { title } = question;
    timed.push({ title, firstMs, medianMs: sorted[repeats >> 1] ?? 0, mostMs: sorted.at(-1) ?? 0, answer });
    note(`${title}: ${(sorted[repeats >> 1] ?? 0).toFixed(1)} ms, ${answer}`);
  }
  const plans = await QueryPlans.open(suite);
  try {
    const found: QueryTimes[] = [];
    for (const [at, question] of questions.entries()) {
      const times = timed[at];
      if (times !== undefined) found.push({ ...times, plans: await plans.of(() => ask(suite, question, repeats)) });
    }
    return found;
  } finally {
    await plans.close();
  }
}

function ask(suite: Suite, { path, workspaceId }: LedgerQuery, repetition: number) {
  const headers = workspaceId === '' ? {} : { 'anthropic-workspace-id': workspaceId };
  return suite.control('GET', path(repetition), suite.operatorKey, undefined, headers);
}

async function exportAndVerify(suite: Suite, note: Note): Promise<readonly FileTimes[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const tiles = join(directory, 'tiles');
  const vkeys = join(directory, 'vkeys');
  writeFileSync(vkeys, `${suite.ready.auditVkeys.join('\n')}\n`);
  const outsider = ['tools/verify-tiles/verify-tiles.mjs', tiles, '--vkeys', vkeys];
  const steps: readonly (readonly [string, () => Promise<CliResult>])[] = [
    [
      'audit export',
      () => runCliWithin(filesMsMax, 'audit', 'export', '--tiles', tiles, '--data', suite.ready.dataDir),
    ],
    ['audit verify', () => runCliWithin(filesMsMax, 'audit', 'verify', tiles, '--vkeys', vkeys)],
    ['verify-tiles.mjs', () => run(process.execPath, outsider, filesMsMax)],
  ];
  try {
    const files: FileTimes[] = [];
    for (const [title, step] of steps) {
      const startedMs = performance.now();
      const { code, stdout, stderr } = await step();
      const seconds = (performance.now() - startedMs) / 1_000;
      const answer = code === 0 ? (stdout.trim().split('\n').at(-1) ?? '') : `failed: ${stderr.trim().slice(-300)}`;
      files.push({ title, seconds, answer });
      note(`${title}: ${seconds.toFixed(1)} s, ${answer}`);
    }
    files.push({ title: 'size of the export', seconds: 0, answer: `${(bytesBelow(tiles) / 2 ** 30).toFixed(2)} GiB` });
    return files;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** With ids that the calls have. */
async function addWorkspaces(suite: Suite, ids: readonly string[]): Promise<void> {
  const database = openSuiteDatabase(suite.ready.dataDir, 'control');
  await database.query('insert into workspace (workspace_id, name) select id, id from unnest($1::text[]) as id', [ids]);
  await database.end();
}

type Database = ReturnType<typeof openSuiteDatabase>;

async function treeSize(database: Database): Promise<number> {
  const { rows } = await database.query<{ size: string }>(
    'select tree_size as size from log join generation using (generation) where log.topic = $1',
    [auditTopic.toolcall],
  );
  return Number(rows[0]?.size ?? 0);
}

async function databaseGib(database: Database): Promise<number> {
  const { rows } = await database.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
  return Number(rows[0]?.bytes ?? 0) / 2 ** 30;
}

function bytesBelow(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true })) bytes += statSync(join(directory, String(name))).size;
  return bytes;
}
