import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sandbox } from '@sallyport/contracts';
import { ensureTopics, eventLogMigrations } from '@sallyport/event-log-pg';
import { callUnary, grpcChannel, GrpcServer, serviceName, type ServiceName, type TlsFiles } from '@sallyport/grpc';
import { prefixedIdFromBytes } from '@sallyport/ids';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { ScriptedControl } from './scripted-control.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

const tomorrow = new Date(Date.now() + 86_400_000);
const root = fileURLToPath(new URL('../../../../', import.meta.url));

export interface CallEvent {
  readonly type: string;
  readonly data: { readonly callId?: string; readonly phase?: string; readonly seq?: number } & Record<string, unknown>;
}

/** A scheduler as a process of its own, its database, a control and executors that do what a test says. */
export class SchedulerBed {
  readonly directory = mkdtempSync(join(tmpdir(), 'scheduler-'));
  readonly control = new ScriptedControl();
  readonly database: TestDatabase;
  readonly authority: CertificateAuthority;
  readonly workspaceId: string = prefixedIdFromBytes('wrkspc', randomBytes(16));
  readonly key = 'ek-sallyport-good';
  environmentId = '';
  child: ChildProcess | undefined;
  readonly executors: ScriptedExecutor[] = [];
  #controlServer: GrpcServer | undefined;

  private constructor(database: TestDatabase, authority: CertificateAuthority) {
    this.database = database;
    this.authority = authority;
  }

  static async start(variables: Readonly<Record<string, string>> = {}): Promise<SchedulerBed> {
    const database = await createTestDatabase();
    const pool = openPool({ ...poolOptions, url: database.url });
    await migrate(pool, 'event_log', eventLogMigrations);
    await ensureTopics(pool, ['sallyport.control.v1', 'sallyport.toolcall.v1']);
    await pool.end();
    const bed = new SchedulerBed(database, await createCertificateAuthority('suite', tomorrow));
    const tls = await bed.tls(serviceName.control);
    bed.#controlServer = new GrpcServer({ address: bed.socket('control'), tls }, bed.control.services());
    await bed.#controlServer.start();
    await bed.spawn(variables);
    const environment = await bed.environment({ tier: 'namespace' });
    bed.environmentId = environment;
    bed.allowKey(bed.key, environment);
    return bed;
  }

  socket(name: string): string {
    return `unix:${this.directory}/${name}.sock`;
  }

  async spawn(variables: Readonly<Record<string, string>> = {}): Promise<void> {
    const tls = await this.tls(serviceName.scheduler);
    const child = spawn(process.execPath, ['apps/scheduler/src/main.ts'], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        SCHEDULER_PG_URL: this.database.url,
        SCHEDULER_EVENT_LOG_PG_URL: this.database.url,
        SCHEDULER_TLS_CERT_FILE: tls.certFile,
        SCHEDULER_TLS_KEY_FILE: tls.keyFile,
        SCHEDULER_TLS_CA_FILE: tls.caFile,
        SCHEDULER_GRPC_ADDRESS: this.socket('scheduler'),
        SCHEDULER_EXECUTOR_ADDRESS: this.socket('executors'),
        SCHEDULER_CONTROL_ADDRESS: this.socket('control'),
        SCHEDULER_COMMITMENT_KEY_FILE: this.file('commitment', randomBytes(32).toString('base64')),
        SCHEDULER_LEASE_MS: '4000',
        SCHEDULER_CALL_LEASE_MS: '6000',
        SCHEDULER_PLACE_MS_MAX: '3000',
        SCHEDULER_OBEY_MS_MAX: '500',
        SCHEDULER_ANSWER_GRACE_MS: '500',
        SCHEDULER_LOG_LEVEL: 'silent',
        ...variables,
      },
    });
    this.child = child;
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the scheduler ended with ${code}`)));
    });
    child.removeAllListeners('exit');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    for (const executor of this.executors) executor.close();
    await this.kill('SIGTERM');
    await this.#controlServer?.stop(0);
    await this.database.drop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  allowKey(key: string, environmentId: string): void {
    const sha256 = createHash('sha256').update(key).digest('hex');
    this.control.keys.set(sha256, { keyId: `envkey_${key}`, environmentId, workspaceId: this.workspaceId });
  }

  /** A key of an environment of its own; what is returned revokes it, and lets the scheduler know. */
  async revocableKey(key: string): Promise<() => void> {
    this.allowKey(key, await this.environment({}));
    return () => {
      this.control.keys.delete(createHash('sha256').update(key).digest('hex'));
      this.control.changed();
    };
  }

  async environment(
    placement: Partial<sandbox.PlacementRules>,
    { workspaceId = this.workspaceId, organization = false } = {},
  ): Promise<string> {
    const client = await this.#environments();
    const made = await callUnary(
      client.createEnvironment.bind(client),
      {
        workspaceId,
        actorId: 'apikey_test',
        name: 'test',
        description: '',
        metadata: {},
        placement: { ...noPlacement, ...placement },
        organization,
      },
      { deadlineMs: 5_000 },
    );
    client.close();
    return made.environment?.environmentId ?? '';
  }

  async archive(environmentId: string): Promise<void> {
    const client = await this.#environments();
    const request = { workspaceId: this.workspaceId, actorId: 'apikey_test', environmentId };
    await callUnary(client.archiveEnvironment.bind(client), request, { deadlineMs: 5_000 });
    client.close();
  }

  async drain(executorId: string, workspaceId = this.workspaceId): Promise<void> {
    const client = await this.#environments();
    const request = { workspaceId, actorId: 'apikey_test', environmentId: this.environmentId, executorId };
    await callUnary(client.drainExecutor.bind(client), request, { deadlineMs: 5_000 }).finally(() => client.close());
  }

  async session(environmentId = this.environmentId, workspaceId = this.workspaceId): Promise<string> {
    const client = await this.#environments();
    const request = { workspaceId, actorId: 'apikey_test', environmentId, title: '', metadata: {} };
    const made = await callUnary(client.createSession.bind(client), request, { deadlineMs: 5_000 });
    client.close();
    return made.session?.sessionId ?? '';
  }

  async executor(options: Partial<ConstructorParameters<typeof ScriptedExecutor>[1]> = {}): Promise<ScriptedExecutor> {
    const tls = await this.tls(serviceName.executor);
    const channel = grpcChannel({ address: this.socket('executors'), server: serviceName.scheduler, tls });
    const executor = new ScriptedExecutor(channel, { key: this.key, ...options });
    this.executors.push(executor);
    return executor;
  }

  /** Work items of the environment that wait. */
  async queued(environmentId: string): Promise<number> {
    const pool = openPool({ ...poolOptions, schema: 'scheduler', url: this.database.url });
    const { rows } = await pool.query<{ count: string }>(
      `select count(*) from work_item where environment_id = $1 and state = 'queued'`,
      [environmentId],
    );
    await pool.end();
    return Number(rows[0]?.count ?? 0);
  }

  /** A call as the router makes it. */
  async call(sessionId: string, args: object = { command: 'true' }, tool = 'bash', workspaceId = this.workspaceId) {
    const channel = await this.#channel();
    const client = new sandbox.SessionToolServiceClient(channel.address, channel.credentials, channel.options);
    const callId = prefixedIdFromBytes('call', randomBytes(16));
    const stream = client.callTool({
      caller: { workspaceId, principalId: 'apikey_agent', clientIp: '127.0.0.1' },
      sessionId,
      callId,
      tool,
      argumentsJson: Buffer.from(JSON.stringify(args)),
      jsonrpcId: '1',
      protocolVersion: '2026-07-28',
      modernEra: true,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      clientName: '',
      clientVersion: '',
    });
    const output: Buffer[] = [];
    const end = new Promise<sandbox.CallEnd>((resolve, reject) => {
      stream.on('data', ({ message }: sandbox.CallToolResponse) => {
        if (message?.$case === 'output') output.push(message.value);
        else if (message !== undefined) resolve(message.value);
      });
      stream.on('error', reject);
    });
    end.catch(() => undefined);
    return { callId, end, output, cancel: () => stream.cancel() };
  }

  /** What the scheduler has published. */
  async published(): Promise<readonly CallEvent[]> {
    const pool = openPool({ ...poolOptions, url: this.database.url });
    const { rows } = await pool.query<{ value: string }>('select value from record order by topic_id, "offset"');
    await pool.end();
    return rows.map((row) => JSON.parse(row.value) as CallEvent);
  }

  async phases(callId: string): Promise<readonly string[]> {
    const events = (await this.published()).filter(({ data }) => data.callId === callId);
    return events.map(({ data }) => `${data.seq} ${data.phase}`);
  }

  file(name: string, content: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  async tls(name: ServiceName): Promise<TlsFiles> {
    const issued = await issueCertificate(this.authority, { dnsNames: [name], notAfter: tomorrow, usage: 'both' });
    return {
      certFile: this.file(`${name}.crt`, issued.certificatePem),
      keyFile: this.file(`${name}.key`, issued.keyPem),
      caFile: this.file('ca.crt', this.authority.certificatePem),
    };
  }

  async #environments() {
    const tls = await this.tls(serviceName.control);
    const channel = grpcChannel({ address: this.socket('scheduler'), server: serviceName.scheduler, tls });
    return new sandbox.EnvironmentServiceClient(channel.address, channel.credentials, channel.options);
  }

  async #channel() {
    const tls = await this.tls(serviceName.router);
    return grpcChannel({ address: this.socket('scheduler'), server: serviceName.scheduler, tls });
  }
}

const poolOptions = { schema: 'event_log', applicationName: 'test', connectionsMax: 2, statementMsMax: 5_000 };

const noPlacement = {
  tier: '',
  region: '',
  runtime: '',
  labels: {},
  memoryMib: 0,
  pids: 0,
  cpuMillis: 0,
  workspaceMib: 0,
};
