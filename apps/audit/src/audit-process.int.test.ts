import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import { auditTopic } from '@sallyport/audit-events';
import { audit } from '@sallyport/contracts';
import { ensureTopics, eventLogMigrations, PgEventLogPublisher } from '@sallyport/event-log-pg';
import { callUnary, grpcChannel, reasonOf, type ServiceName, serviceName } from '@sallyport/grpc';
import { freeLoopbackPort } from '@sallyport/loopback-ports';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import { createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { leafHash, openCheckpoint, parseVkey, verifyInclusion } from '@sallyport/transparency-log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callRecord } from './call-record.ts';
import { control, records, rootOf, toolcall, values, writeSigningKey } from './ledger-under-test.ts';

/** The service as it runs: a process of its own, real PostgreSQL, mutual TLS, killed where it hurts. */
describe('the audit process', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-audit-process-'));
  let address: string;
  let database: TestDatabase;
  let logPool: ReturnType<typeof openPool>;
  let publisher: PgEventLogPublisher;
  let env: NodeJS.ProcessEnv;
  let child: ChildProcess | undefined;
  const output: string[] = [];

  async function writeTls(name: ServiceName, ca: Awaited<ReturnType<typeof createCertificateAuthority>>) {
    const notAfter = new Date(Date.now() + 3_600_000);
    const leaf = await issueCertificate(ca, { dnsNames: [name], notAfter, usage: 'both' });
    const files = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
    writeFileSync(files.certFile, leaf.certificatePem);
    writeFileSync(files.keyFile, leaf.keyPem, { mode: 0o600 });
    return { ...files, caFile: join(directory, 'ca.crt') };
  }

  async function start(): Promise<void> {
    const started = fork(join(import.meta.dirname, 'main.ts'), { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (data: Buffer) => output.push(String(data)));
    await new Promise<void>((resolve, reject) => {
      started.once('message', () => resolve());
      started.once('exit', (code) => reject(new Error(`exit ${code}: ${output.join('')}`)));
    });
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null) return null;
    const exited = new Promise<number | null>((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    return exited;
  }

  const clients = new Map<ServiceName, audit.AuditServiceClient>();
  const opened: audit.AuditServiceClient[] = [];
  let tlsOf: (name: ServiceName) => Promise<Awaited<ReturnType<typeof writeTls>>>;
  async function clientOf(name: ServiceName): Promise<audit.AuditServiceClient> {
    const known = clients.get(name);
    if (known !== undefined) return known;
    const client = await openClient(name);
    clients.set(name, client);
    return client;
  }

  async function openClient(name: ServiceName): Promise<audit.AuditServiceClient> {
    const channel = grpcChannel({ address, server: serviceName.audit, tls: await tlsOf(name) });
    const client = new audit.AuditServiceClient(channel.address, channel.credentials, channel.options);
    opened.push(client);
    return client;
  }

  async function logs(): Promise<audit.LogState[]> {
    const client = await clientOf(serviceName.control);
    const options = { deadlineMs: 10_000, waitForReady: true };
    return (await callUnary(client.listLogs.bind(client), {}, options)).logs;
  }

  async function until(condition: (log: audit.LogState) => boolean, topic: string = toolcall): Promise<audit.LogState> {
    for (;;) {
      const log = (await logs()).find((each) => each.topic === topic);
      if (log !== undefined && condition(log)) return log;
      await sleep(20);
    }
  }

  beforeAll(async () => {
    database = await createTestDatabase();
    address = `127.0.0.1:${await freeLoopbackPort()}`;
    logPool = openPool({
      url: database.url,
      schema: 'event_log',
      applicationName: 'test',
      connectionsMax: 4,
      statementMsMax: 20_000,
    });
    await migrate(logPool, 'event_log', eventLogMigrations);
    await ensureTopics(logPool, Object.values(auditTopic));
    publisher = new PgEventLogPublisher(logPool);
    const ca = await createCertificateAuthority('test', new Date(Date.now() + 3_600_000));
    writeFileSync(join(directory, 'ca.crt'), ca.certificatePem);
    tlsOf = (name) => writeTls(name, ca);
    const tls = await tlsOf(serviceName.audit);
    writeSigningKey(join(directory, 'signing.pem'));
    env = {
      PATH: process.env['PATH'],
      AUDIT_PG_URL: database.url,
      AUDIT_EVENT_LOG_PG_URL: database.url,
      AUDIT_TLS_CERT_FILE: tls.certFile,
      AUDIT_TLS_KEY_FILE: tls.keyFile,
      AUDIT_TLS_CA_FILE: tls.caFile,
      AUDIT_GRPC_ADDRESS: address,
      AUDIT_DEPLOYMENT_ID: 'test',
      AUDIT_SIGNING_KEY_FILE: join(directory, 'signing.pem'),
      AUDIT_SIGNER_STATE_DIR: join(directory, 'signer'),
      AUDIT_CHECKPOINT_INTERVAL_MS: '50',
      AUDIT_BATCH_RECORDS_MAX: '50',
      AUDIT_TAIL_EVENTS_MAX: '200',
      AUDIT_TAIL_CHARACTERS_MAX: '2000000',
    };
  });
  afterAll(async () => {
    await end('SIGKILL');
    for (const client of opened) client.close();
    await publisher.close();
    await logPool.end();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('has every event once, and the root of all of them, after being killed again and again', async () => {
    const all = records(6_000);
    const publishing = (async () => {
      for (let at = 0; at < all.length; at += 100) {
        // Every batch twice: what a relay does that has lost an answer.
        for (const _ of [1, 2]) await publisher.publishBatch(toolcall, all.slice(at, at + 100));
        await sleep(20);
      }
    })();
    for (const ms of [30, 90, 150, 210, 270, 400]) {
      await start();
      await sleep(ms);
      await end('SIGKILL');
    }
    await publishing;
    await start();
    const log = await until((each) => each.nextOffset === 12_000n && each.signedSize === 6_000n);
    expect([log.size, log.rootHex, log.signedRootHex]).toEqual([6_000n, rootOf(values(all)), rootOf(values(all))]);
  });

  it('answers queries, proofs and exports', async () => {
    const client = await clientOf(serviceName.control);
    const list = {
      workspaceId: 'wrkspc_1',
      limit: 2,
      page: '',
      newestFirst: true,
      callId: '',
      type: '',
      tool: '',
      tunnelId: '',
      principalId: '',
      phase: '',
      fromTime: '',
      toTime: '',
    };
    const page = await callUnary(client.listEvents.bind(client), list, { deadlineMs: 5_000 });
    expect(page.events.map(({ leafIndex }) => leafIndex)).toEqual([5_999n, 5_998n]);
    const next = await callUnary(
      client.listEvents.bind(client),
      { ...list, page: page.nextPage },
      { deadlineMs: 5_000 },
    );
    expect(next.events.map(({ leafIndex }) => leafIndex)).toEqual([5_997n, 5_996n]);
    const [proof] = (
      await callUnary(client.proveCall.bind(client), { workspaceId: '', callId: 'call_4321' }, { deadlineMs: 5_000 })
    ).proofs;
    const vkey = parseVkey(proof?.vkey ?? '');
    const checkpoint = openCheckpoint(proof?.checkpoint ?? '', vkey.ok ? [vkey.value] : []);
    if (!checkpoint.ok || proof?.event === undefined) throw new Error('no proof');
    const { root, size } = checkpoint.value;
    const leaf = leafHash(proof.event.envelope);
    expect(proof.event.envelope).toBe(callRecord(4_321).value);
    expect(verifyInclusion({ leaf, index: 4_320, size, root, path: proof.inclusionPath })).toBe(true);
    const paths: string[] = [];
    for await (const { path } of client.exportTiles({}) as AsyncIterable<audit.ExportTilesResponse>) paths.push(path);
    expect(paths).toContain(`${toolcall}/tile/entries/023.p/112`);
    expect(paths).toContain(`${control}/checkpoint`);
  });

  it('refuses bad requests, unknown calls and callers that are not admitted', async () => {
    const client = await clientOf(serviceName.control);
    const failureOf = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (failure: ServiceError) => failure,
      );
      return error === undefined ? undefined : [error.code, reasonOf(error)];
    };
    const list = {
      workspaceId: '',
      limit: 0,
      page: '',
      newestFirst: false,
      callId: '',
      type: '',
      tool: '',
      tunnelId: '',
      principalId: '',
      phase: '',
      fromTime: '',
      toTime: '',
    };
    const listWith = (change: Partial<typeof list>) =>
      failureOf(callUnary(client.listEvents.bind(client), { ...list, ...change }, { deadlineMs: 5_000 }));
    const badRequest = [status.INVALID_ARGUMENT, 'bad_request'];
    for (const change of [
      { limit: 1_001 },
      { page: 'x' },
      { fromTime: 'yesterday' },
      { toTime: '2026-13-01T00:00:00Z' },
      { tool: 'a\0' },
      { callId: 'x'.repeat(257) },
    ])
      expect(await listWith(change)).toEqual(badRequest);
    const call = (callId: string, workspaceId = '') =>
      failureOf(callUnary(client.getCall.bind(client), { workspaceId, callId }, { deadlineMs: 5_000 }));
    expect(await call('')).toEqual(badRequest);
    expect(await call('call_none')).toEqual([status.NOT_FOUND, 'call_not_found']);
    expect(await call('call_1', 'wrkspc_2')).toEqual([status.NOT_FOUND, 'call_not_found']);
    expect(await call('call_1', 'wrkspc_1')).toBeUndefined();
    const router = await clientOf(serviceName.router);
    expect(await failureOf(callUnary(router.listLogs.bind(router), {}, { deadlineMs: 5_000 }))).toEqual([
      status.PERMISSION_DENIED,
      'caller_not_admitted',
    ]);
  });

  it('streams what comes, and ends a reader that is too slow', async () => {
    const client = await clientOf(serviceName.control);
    const fast = client.tailEvents({ workspaceId: 'wrkspc_1', backlog: 2 });
    // On a connection of its own: what a reader leaves unread holds the flow control window of its whole connection.
    const slow = (await openClient(serviceName.control)).tailEvents({ workspaceId: '', backlog: 0 });
    slow.pause();
    const outOfRange = new Promise<number>((resolve) => {
      slow.on('error', ({ code }: ServiceError) => resolve(code));
    });
    const seen: bigint[] = [];
    const fastEnded = new Promise<void>((resolve) => {
      fast.on('data', ({ event }: audit.TailEventsResponse) => {
        seen.push(event?.leafIndex ?? -1n);
        if (event?.leafIndex === 6_099n) resolve();
      });
      fast.on('error', () => undefined);
    });
    await sleep(200);
    await publisher.publishBatch(toolcall, records(100, 6_001));
    await fastEnded;
    expect(seen).toEqual([5_998n, 5_999n, ...Array.from({ length: 100 }, (_, at) => BigInt(6_000 + at))]);
    const large = (number: number) => callRecord(number, { tool: 'x'.repeat(50_000) });
    for (let from = 7_000; from < 7_400; from += 10)
      await publisher.publishBatch(
        toolcall,
        Array.from({ length: 10 }, (_, at) => large(from + at)),
      );
    await until((log) => log.nextOffset === 12_500n);
    slow.resume();
    expect(await outOfRange).toBe(status.OUT_OF_RANGE);
    fast.cancel();
  });

  it('rebuilds the ledger while it runs, and names the root that a changed record breaks', async () => {
    const client = await clientOf(serviceName.control);
    const before = await until((log) => log.signedSize === log.size);
    const steps: audit.RebuildLedgerResponse[] = [];
    for await (const step of client.rebuildLedger({}) as AsyncIterable<audit.RebuildLedgerResponse>) steps.push(step);
    expect(steps.filter(({ swapped }) => swapped)).toHaveLength(2);
    expect(steps.find(({ swapped, origin }) => swapped && origin === before.origin)?.rootHex).toBe(before.rootHex);
    await publisher.publishBatch(toolcall, records(10, 9_001));
    await until((log) => log.signedSize === before.size + 10n);
    await logPool.query(`update record set value = replace(value, '"echo"', '"rm"') where "offset" = 0`);
    const failure = await new Promise<ServiceError>((resolve) => {
      const stream = client.rebuildLedger({});
      stream.on('data', () => undefined);
      stream.on('error', resolve);
    });
    expect([failure.code, reasonOf(failure)]).toEqual([status.FAILED_PRECONDITION, 'root_differs']);
    expect(failure.details).toMatch(new RegExp(`^${toolcall}: the root of \\d+ leaves`));
  });

  it('ends well when it is told to, also while somebody tails', async () => {
    const client = await clientOf(serviceName.control);
    const tail = client.tailEvents({ workspaceId: '', backlog: 0 });
    tail.on('data', () => undefined);
    tail.on('error', () => undefined);
    await sleep(100);
    const startedMs = Date.now();
    expect(await end('SIGTERM')).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(4_000);
    expect(output.join('')).not.toContain('Unhandled');
  });

  it('says all that its configuration lacks, and a ledger of another deployment is refused', async () => {
    env = { ...env, AUDIT_DEPLOYMENT_ID: 'other' };
    output.length = 0;
    await expect(start()).rejects.toThrow(/not a checkpoint that this key signed for/);
    env = { ...env, AUDIT_SIGNER_STATE_DIR: join(directory, 'other-signer') };
    output.length = 0;
    await expect(start()).rejects.toThrow(/keeps its origin/);
    env = { PATH: process.env['PATH'] };
    output.length = 0;
    await expect(start()).rejects.toThrow(/exit 78[^]*AUDIT_PG_URL[^]*AUDIT_DEPLOYMENT_ID/);
  });
});
