import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopics, eventLogMigrations } from '@sallyport/event-log-pg';
import { type GrpcChannel, grpcChannel, serviceName, type ServiceName, type TlsFiles } from '@sallyport/grpc';
import { migrate, openPool } from '@sallyport/pg';
import { createTestDatabase, type TestDatabase } from '@sallyport/pg-embedded/testing';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { askAt } from './rest-client.ts';

export const tomorrow = new Date(Date.now() + 86_400_000);

/** Control as a process of its own, with its database, and what a test needs to be its operator and its peers. */
export class ControlBed {
  readonly directory = mkdtempSync(join(tmpdir(), 'control-'));
  readonly operatorKey = `sk-sallyport-${randomBytes(32).toString('base64url')}`;
  readonly base: string;
  readonly ask: ReturnType<typeof askAt>;
  readonly database: TestDatabase;
  readonly authority: CertificateAuthority;
  workspaceId = '';
  adminKey = '';
  agentKey = '';
  child: ChildProcess | undefined;
  readonly #port = 20_000 + Math.floor(Math.random() * 12_000);

  private constructor(database: TestDatabase, authority: CertificateAuthority) {
    this.database = database;
    this.authority = authority;
    this.base = `http://127.0.0.1:${this.#port}`;
    this.ask = askAt(this.base);
  }

  static async start(variables: (bed: ControlBed) => Record<string, string> = () => ({})): Promise<ControlBed> {
    const database = await createTestDatabase();
    const pool = openPool({
      url: database.url,
      schema: 'event_log',
      applicationName: 'test',
      connectionsMax: 2,
      statementMsMax: 5_000,
    });
    await migrate(pool, 'event_log', eventLogMigrations);
    await ensureTopics(pool, ['sallyport.control.v1']);
    await pool.end();
    const bed = new ControlBed(database, await createCertificateAuthority('suite', tomorrow));
    await bed.#spawn(variables(bed));
    bed.workspaceId = await bed.newWorkspace('demo');
    bed.adminKey = await bed.newKey(bed.workspaceId, ['manage', 'call', 'audit']);
    bed.agentKey = (await bed.ask('POST', '/v1/api_keys', bed.adminKey, { name: 'agent' })).body.api_key;
    return bed;
  }

  async newWorkspace(name: string): Promise<string> {
    return (await this.ask('POST', '/v1/workspaces', this.operatorKey, { name })).body.id;
  }

  async newKey(workspaceId: string, scopes: readonly string[]): Promise<string> {
    const inWorkspace = { 'anthropic-workspace-id': workspaceId };
    const made = await this.ask('POST', '/v1/api_keys', this.operatorKey, { name: 'admin', scopes }, inWorkspace);
    return made.body.api_key;
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

  /** A channel to control, as one of its peers. */
  async channelAs(name: ServiceName): Promise<GrpcChannel> {
    const address = `unix:${this.directory}/control.sock`;
    return grpcChannel({ address, server: serviceName.control, tls: await this.tls(name) });
  }

  /** What control has published so far, in the order of the event log. */
  async publishedEvents(): Promise<readonly Record<string, unknown>[]> {
    const pool = openPool({
      url: this.database.url,
      schema: 'event_log',
      applicationName: 'test',
      connectionsMax: 1,
      statementMsMax: 5_000,
    });
    const { rows } = await pool.query<{ value: string }>('select value from record order by "offset"');
    await pool.end();
    return rows.map((row) => JSON.parse(row.value) as Record<string, unknown>);
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null | undefined> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return child?.exitCode;
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    return ended;
  }

  async #spawn(variables: Record<string, string>): Promise<void> {
    const tls = await this.tls(serviceName.control);
    const child = spawn(process.execPath, ['apps/control/src/main.ts'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: {
        CONTROL_PG_URL: this.database.url,
        CONTROL_EVENT_LOG_PG_URL: this.database.url,
        CONTROL_TLS_CERT_FILE: tls.certFile,
        CONTROL_TLS_KEY_FILE: tls.keyFile,
        CONTROL_TLS_CA_FILE: tls.caFile,
        CONTROL_GRPC_ADDRESS: `unix:${this.directory}/control.sock`,
        CONTROL_AUDIT_ADDRESS: `unix:${this.directory}/audit.sock`,
        CONTROL_HTTP_PORT: String(this.#port),
        CONTROL_SEALING_KEY_FILE: this.file('sealing', randomBytes(32).toString('base64')),
        CONTROL_OPERATOR_KEY_FILE: this.file('operator', this.operatorKey),
        CONTROL_TUNNEL_DOMAIN_SUFFIX: 'tunnels.example',
        CONTROL_LOG_LEVEL: 'warn',
        ...variables,
      },
    });
    this.child = child;
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`control ended with ${code}`)));
    });
  }
}
