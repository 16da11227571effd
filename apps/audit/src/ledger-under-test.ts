import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditTopic } from '@sallyport/audit-events';
import { ensureTopics, eventLogMigrations, PgEventLogPublisher, PgEventLogReader } from '@sallyport/event-log-pg';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase } from '@sallyport/pg-embedded/testing';
import {
  Frontier,
  leafHash,
  LogFiles,
  logOrigin,
  type NoteVerifier,
  parseVkey,
  verifyExport,
} from '@sallyport/transparency-log';
import { afterAll, beforeAll } from 'vitest';
import { FileCheckpointSigner } from './adapters/fs/file-checkpoint-signer.ts';
import { auditMigrations } from './adapters/pg/audit-migrations.ts';
import { PgAnnouncements } from './adapters/pg/pg-announcements.ts';
import { PgCheckpointStore } from './adapters/pg/pg-checkpoint-store.ts';
import { PgLedgerBuilds } from './adapters/pg/pg-ledger-builds.ts';
import { PgLedgerReader } from './adapters/pg/pg-ledger-reader.ts';
import { PgLedger } from './adapters/pg/pg-ledger.ts';
import { SystemClock } from './adapters/system-clock.ts';
import { ExportLogs } from './application/export-logs.ts';
import { IngestLog } from './application/ingest-log.ts';
import { RebuildLedger, type RebuildProgress } from './application/rebuild-ledger.ts';
import { SignCheckpoints } from './application/sign-checkpoints.ts';
import { callRecord } from './call-record.ts';
import type { LedgerEvent } from './ports/ledger-reader.ts';

export const { toolcall, control } = auditTopic;

type Pool = ReturnType<typeof openPool>;
type FilesByLog = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;

export function records(count: number, from = 1): { readonly key: string; readonly value: string }[] {
  return Array.from({ length: count }, (_, at) => callRecord(from + at));
}

export function values(list: readonly { readonly value: string }[]): string[] {
  return list.map(({ value }) => value);
}

/** The root over these leaves, in hex, computed apart from the ledger. */
export function rootOf(leaves: readonly (string | Buffer)[]): string {
  const frontier = Frontier.empty();
  for (const leaf of leaves) frontier.append(leafHash(leaf));
  return Buffer.from(frontier.root()).toString('hex');
}

export async function stateOf(under: LedgerUnderTest, topic: string = toolcall) {
  const { position, haltedReason } = await under.ledger.live(topic);
  return {
    nextOffset: position.nextOffset,
    size: position.frontier.size,
    root: Buffer.from(position.frontier.root()).toString('hex'),
    ...(haltedReason === undefined ? {} : { haltedReason }),
  };
}

/** A ledger for each group of tests, so that what one breaks no other sees. */
export function useLedger(): () => LedgerUnderTest {
  let under: LedgerUnderTest | undefined;
  beforeAll(async () => {
    under = await LedgerUnderTest.open();
  });
  afterAll(() => under?.close());
  return () => {
    if (under === undefined) throw new Error('the ledger is not open yet');
    return under;
  };
}

/** A PEM file with a new Ed25519 key. */
export function writeSigningKey(file: string): void {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
}

/** A ledger on a database of its own, driven by hand: for tests. */
export class LedgerUnderTest {
  readonly directory = mkdtempSync(join(tmpdir(), 'sallyport-audit-'));
  readonly notes: { readonly what: string; readonly detail: unknown }[] = [];
  readonly signals = {
    ingested: () => undefined,
    halted: this.#note('halted'),
    ingestFailed: this.#note('ingestFailed'),
    signed: () => undefined,
    signingRefused: this.#note('signingRefused'),
    leafDiffered: this.#note('leafDiffered'),
    rebuilt: this.#note('rebuilt'),
    rebuildRefused: this.#note('rebuildRefused'),
  };
  readonly logs: readonly { readonly topic: string; readonly origin: string }[];
  /** Of the toolcall log. */
  readonly origin: string;
  readonly pool: Pool;
  readonly logPool: Pool;
  readonly ledger: PgLedger;
  readonly reader: PgLedgerReader;
  readonly store: PgCheckpointStore;
  readonly announcements: PgAnnouncements;
  readonly signer: FileCheckpointSigner;
  readonly sign: SignCheckpoints;
  readonly publisher: PgEventLogPublisher;
  readonly eventLogReader: PgEventLogReader;
  readonly #drop: () => Promise<void>;

  private constructor(pools: { readonly audit: Pool; readonly eventLog: Pool }, drop: () => Promise<void>) {
    const deployment = randomBytes(4).toString('hex');
    const log = (topic: string) => ({
      topic,
      origin: logOrigin({ host: 'audit.example', deployment, epoch: 1, topic }),
    });
    const [first, second] = [log(toolcall), log(control)];
    this.logs = [first, second];
    this.origin = first.origin;
    this.pool = pools.audit;
    this.logPool = pools.eventLog;
    this.#drop = drop;
    writeSigningKey(join(this.directory, 'key.pem'));
    this.ledger = new PgLedger(this.pool);
    this.reader = new PgLedgerReader({ pool: this.pool, searchPool: this.pool });
    this.store = new PgCheckpointStore(this.pool);
    this.announcements = new PgAnnouncements(this.pool, 'audit/test');
    this.signer = this.openSigner();
    this.sign = this.signWith(this.signer);
    this.publisher = new PgEventLogPublisher(this.logPool);
    this.eventLogReader = new PgEventLogReader(this.logPool, { pollMs: 20 });
  }

  static async open(): Promise<LedgerUnderTest> {
    const database = await createTestDatabase();
    const { url } = database;
    const open = (schema: string) =>
      openPool({ url, schema, applicationName: 'test', connectionsMax: 10, statementMsMax: 20_000 });
    const pools = { audit: open('audit'), eventLog: open('event_log') };
    await migrate(pools.audit, 'audit', auditMigrations);
    await migrate(pools.eventLog, 'event_log', eventLogMigrations);
    await ensureTopics(pools.eventLog, Object.values(auditTopic));
    const under = new LedgerUnderTest(pools, () => database.drop());
    await under.ledger.open(under.logs);
    return under;
  }

  #note(what: string): (...detail: unknown[]) => void {
    return (...detail) => void this.notes.push({ what, detail });
  }

  openSigner(): FileCheckpointSigner {
    const [keyFile, stateDirectory] = [join(this.directory, 'key.pem'), join(this.directory, 'signer')];
    return FileCheckpointSigner.open({ keyFile, stateDirectory, logs: this.logs });
  }

  signWith(signer: FileCheckpointSigner): SignCheckpoints {
    const { ledger, reader, store, signals } = this;
    return new SignCheckpoints({ ledger, reader, store, signer, signals, clock: new SystemClock() });
  }

  async publish(topic: string, list: readonly { readonly key: string; readonly value: string }[]): Promise<void> {
    for (let at = 0; at < list.length; at += 500) await this.publisher.publishBatch(topic, list.slice(at, at + 500));
  }

  /** Reads a topic to its end, as one run of the service would. */
  async ingest(topic: string = toolcall, batchRecordsMax = 1_000): Promise<LedgerEvent[]> {
    const committed: LedgerEvent[] = [];
    const { ledger, signals } = this;
    const reader = new PgEventLogReader(this.logPool, { pollMs: 20 });
    const origin = this.logs.find((each) => each.topic === topic)?.origin ?? '';
    const take = (events: readonly LedgerEvent[]) => void committed.push(...events);
    const log = new IngestLog({ topic, origin, reader, ledger, batchRecordsMax, signals, committed: take });
    const noted = this.notes.length;
    log.start();
    try {
      const { next } = await this.eventLogReader.bounds(topic);
      while ((await ledger.live(topic)).position.nextOffset < next && this.notes.length === noted) await sleep(5);
    } finally {
      await log.stop();
      await reader.close();
    }
    return committed;
  }

  rebuildWith(batchRecordsMax = 300): RebuildLedger {
    const { eventLogReader: reader, store, signals, logs } = this;
    return new RebuildLedger({ builds: new PgLedgerBuilds(this.pool), reader, store, signals, batchRecordsMax, logs });
  }

  async rebuild(rebuild: RebuildLedger = this.rebuildWith()) {
    const progress: RebuildProgress[] = [];
    const result = await rebuild.run(async (step) => void progress.push(step), new AbortController().signal);
    return { result, progress };
  }

  /** The files of an export, by log. */
  async export(): Promise<FilesByLog> {
    const logs = new Map<string, Map<string, Buffer>>();
    for await (const { path, data } of new ExportLogs(this.reader, this.store, this.logs).run()) {
      const cut = path.indexOf('/');
      const log = path.slice(0, cut);
      const files = logs.get(log) ?? new Map<string, Buffer>();
      logs.set(log, files.set(path.slice(cut + 1), Buffer.from(data)));
    }
    return logs;
  }

  async verify(files: FilesByLog, older?: FilesByLog) {
    const logsOf = (given: FilesByLog) => new Map([...given].map(([log, own]) => [log, new FilesInMemory(own)]));
    const verifiers = this.logs.map(({ origin }) => this.verifier(origin));
    return verifyExport({ logs: logsOf(files), verifiers, ...(older && { olderLogs: logsOf(older) }) });
  }

  verifier(origin: string): NoteVerifier {
    const verifier = parseVkey(this.signer.vkey(origin));
    if (!verifier.ok) throw new Error(verifier.reason);
    return verifier.value;
  }

  async close(): Promise<void> {
    await this.publisher.close();
    await this.eventLogReader.close();
    await this.logPool.end();
    await this.pool.end();
    await this.#drop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

class FilesInMemory extends LogFiles {
  readonly #files: ReadonlyMap<string, Buffer>;

  constructor(files: ReadonlyMap<string, Buffer>) {
    super();
    this.#files = files;
  }

  override async read(path: string): Promise<Uint8Array | undefined> {
    return this.#files.get(path);
  }
}
