import { join } from 'node:path';

import { auditTopic } from '@sallyport/audit-events';
import { readSecretFile } from '@sallyport/config';
import { freeLoopbackPort } from '@sallyport/loopback-ports';
import { endPostgresLeftBehind, findPostgresUser } from '@sallyport/pg-embedded';
import { fail, ok, type Result } from '@sallyport/result';

import { prepareSuiteDatabase } from '../adapters/pg/suite-database.ts';
import { ControlClient } from '../control/control-client.ts';
import type { ReadyInfo } from '../output/ready-text.ts';
import { checkPorts } from './check-ports.ts';
import { writeConnectorFiles } from './connector-files.ts';
import { closeSocketDirectory, type DataDirectory, openDataDirectory, openSocketDirectory } from './data-directory.ts';
import { type KafkaOptions, prepareKafka } from './kafka-options.ts';
import { endLeftoverProcesses } from './leftover-processes.ts';
import { type Provisioned, provisionDemo, provisionTunnel, sampleServerName } from './provisioning.ts';
import { postgresSockets, type SuiteWiring } from './service-environments.ts';
import { ensureAuthority, ensureLeaf, ensureSuiteCertificates } from './suite-certificates.ts';
import { missingForSandboxes, missingSentence } from './sandbox-packages.ts';
import { provisionSession, waitForExecutor } from './session-provisioning.ts';
import { type SuiteLock, takeSuiteLock } from './suite-lock.ts';
import { SuiteProcesses } from './suite-processes.ts';
import { ensureSuiteSecrets } from './suite-secrets.ts';
import { newSuiteState, readSuiteState, type SuiteState, SuiteStateFile } from './suite-state.ts';
import type { ProcessEvents } from './supervised-process.ts';
import { waitForTunnel } from './tunnel-probe.ts';

export interface SuiteRequest {
  readonly data: string;
  readonly routerPort: number;
  readonly kafka: KafkaOptions | undefined;
  /** Of whoever started the suite: services take over the settings that bear their name. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts the boot. */
  readonly signal: AbortSignal;
  readonly step: (text: string) => void;
  readonly events: ProcessEvents;
}

type SandboxInfo = Pick<ReadyInfo, 'sessionMcpUrl' | 'executorPid' | 'sandboxProblem'>;
type Step<Value = void> = Promise<Result<Value, string>>;
const interrupted = 'interrupted before the suite was ready';

/** The whole suite on one machine, running under this process. */
export class Suite {
  readonly #directory: DataDirectory;
  readonly #lock: SuiteLock;
  readonly #state: SuiteStateFile;
  readonly #processes: SuiteProcesses;
  #info: ReadyInfo | undefined;
  #stopping: Promise<void> | undefined;

  private constructor(directory: DataDirectory, lock: SuiteLock, state: SuiteStateFile, processes: SuiteProcesses) {
    this.#directory = directory;
    this.#lock = lock;
    this.#state = state;
    this.#processes = processes;
  }

  /** Takes the data directory. A refusal is one line that says what to do; nothing is running then. */
  static async open(request: SuiteRequest): Step<Suite> {
    const opened = openDataDirectory(request.data, findPostgresUser());
    if (!opened.ok) return opened;
    const lock = takeSuiteLock(opened.value.lockFile);
    if (!lock.ok) return lock;
    const state = readStateFor(request, opened.value);
    if (!state.ok) {
      lock.value.release();
      return state;
    }
    const cleared = await clearTheWay(request, opened.value);
    if (!cleared.ok) {
      lock.value.release();
      return cleared;
    }
    const directory = openSocketDirectory(opened.value);
    const file = new SuiteStateFile(directory.stateFile, state.value);
    return ok(new Suite(directory, lock.value, file, new SuiteProcesses(directory, request.env, request.events)));
  }

  /** Starts everything. After a refusal `stop` is still to be called. */
  async boot(request: SuiteRequest): Step<ReadyInfo> {
    const { signal, step } = request;
    const wiring = await this.#wiring(request);
    const { directory, secrets } = wiring;
    const isKafka = request.kafka !== undefined;
    const topics = isKafka ? undefined : Object.values(auditTopic);
    const steps: readonly (readonly [string, () => Step])[] = [
      ['starting PostgreSQL', () => this.#processes.startPostgres(secrets.postgresPassword)],
      ['preparing the database', () => prepareSuiteDatabase(postgresSockets(directory), secrets, topics)],
      ...(request.kafka === undefined
        ? []
        : ([['preparing Kafka', prepareKafka.bind(undefined, request.kafka)]] as const)),
      ['starting control and audit', () => this.#processes.startServices(wiring, ['control', 'audit'])],
      ['starting the scheduler', () => this.#processes.startServices(wiring, ['scheduler'])],
      [
        'starting edge, router and the sample MCP server',
        () => this.#processes.startServices(wiring, ['edge', 'router', 'sample-server']),
      ],
    ];
    for (const [text, run] of steps) {
      if (signal.aborted) return fail(interrupted);
      step(text);
      const done = await run();
      if (!done.ok) return signal.aborted ? fail(interrupted) : done;
    }
    const operator = new ControlClient({ url: controlUrlOf(wiring), apiKey: readSecretFile(secrets.operatorKey) });
    try {
      const opened = await this.#openTunnel(operator, wiring, request);
      if (!opened.ok) return opened;
      const session = await this.#openSession(operator, wiring, request);
      if (!session.ok) return session;
      this.#info = { ...opened.value, ...session.value };
      return ok(this.#info);
    } finally {
      await operator.close();
    }
  }

  get info(): ReadyInfo | undefined {
    if (this.#info === undefined) return undefined;
    const executorPid = this.#info.executorPid === null ? null : this.#processes.pid('executor');
    return { ...this.#info, connectorPid: this.#processes.pid('connector'), executorPid };
  }

  get dataRoot(): string {
    return this.#directory.root;
  }

  /** The operator's key of this deployment. */
  operatorKey(): string {
    return readSecretFile(ensureSuiteSecrets(this.#directory.secrets).operatorKey);
  }

  /** Orderly, at most 20 s, and then everything is gone. */
  stop(): Promise<void> {
    this.#stopping ??= this.#processes.stop().finally(() => {
      closeSocketDirectory(this.#directory);
      this.#lock.release();
    });
    return this.#stopping;
  }

  kill(): Promise<void> {
    return this.#processes.kill();
  }

  async #wiring(request: SuiteRequest): Promise<SuiteWiring> {
    const directory = this.#directory;
    const { deploymentId } = this.#state.state;
    this.#state.change({
      eventLog: eventLogOf(request),
      routerUrl: loopbackUrl(request.routerPort),
      controlUrl: loopbackUrl(request.routerPort + 1),
    });
    return {
      directory,
      deploymentId,
      secrets: ensureSuiteSecrets(directory.secrets),
      certificates: await ensureSuiteCertificates(join(directory.secrets, 'pki')),
      routerPort: request.routerPort,
      controlPort: request.routerPort + 1,
      edgePort: await freeLoopbackPort(),
      samplePort: await freeLoopbackPort(),
      kafka: request.kafka,
    };
  }

  /** The sandbox half. A machine that has no isolation to offer gets the tunnel half, and is told why. */
  async #openSession(operator: ControlClient, wiring: SuiteWiring, request: SuiteRequest): Step<SandboxInfo> {
    const missing = missingForSandboxes(request.env);
    if (missing.length > 0) return ok(noSandbox(missingSentence(missing)));
    request.step('starting an executor and the demo session');
    const { workspaceId } = this.#state.state;
    const inWorkspace = operator.as(workspaceId === undefined ? {} : { workspaceId });
    try {
      const session = await provisionSession(inWorkspace, this.#state, wiring.secrets.environmentKey);
      if (!session.ok) return fail(`the demo session could not be set up: ${session.reason.message}`);
      const started = await this.#processes.startServices(wiring, ['executor']);
      if (!started.ok) return request.signal.aborted ? fail(interrupted) : ok(noSandbox(started.reason));
      const { environmentId, mcpPath } = session.value;
      const connected = await waitForExecutor(inWorkspace, environmentId, request.signal);
      if (!connected.ok) return request.signal.aborted ? fail(interrupted) : ok(noSandbox(connected.reason));
      const sessionMcpUrl = `${loopbackUrl(wiring.routerPort)}${mcpPath}`;
      return ok({ sessionMcpUrl, executorPid: this.#processes.pid('executor'), sandboxProblem: null });
    } finally {
      await inWorkspace.close();
    }
  }

  async #openTunnel(
    operator: ControlClient,
    wiring: SuiteWiring,
    request: SuiteRequest,
  ): Step<Omit<ReadyInfo, keyof SandboxInfo>> {
    request.step('opening the tunnel');
    const demo = await provisionDemo(operator, this.#state);
    if (!demo.ok) return fail(`the demo could not be set up: ${demo.reason.message}`);
    const configFile = await this.#connectorFiles(operator, wiring, demo.value);
    if (!configFile.ok) return configFile;
    const connector = await this.#processes.startServices(wiring, ['connector'], ['--config', configFile.value]);
    if (!connector.ok) return connector;
    const { apiKey, tunnelDomain } = demo.value;
    const routerUrl = loopbackUrl(wiring.routerPort);
    const tunnelMcpUrl = `${routerUrl}/t/${sampleServerName}.${tunnelDomain}/mcp`;
    const works = await waitForTunnel(tunnelMcpUrl, apiKey, request.signal);
    if (!works.ok) return request.signal.aborted ? fail(interrupted) : works;
    const logs = await operator.get('/v1/audit/logs');
    if (!logs.ok) return fail(`the audit logs could not be listed: ${logs.reason.message}`);
    return ok({
      routerUrl,
      controlUrl: controlUrlOf(wiring),
      apiKey,
      tunnelDomain,
      tunnelMcpUrl,
      dataDir: this.#directory.root,
      pid: process.pid,
      connectorPid: this.#processes.pid('connector'),
      auditVkeys: (logs.value['data'] as readonly { vkey: string }[]).map(({ vkey }) => vkey),
    });
  }

  async #connectorFiles(
    operator: ControlClient,
    wiring: SuiteWiring,
    demo: Omit<Provisioned, 'tunnelToken'>,
  ): Step<string> {
    const pki = join(this.#directory.connector, 'pki');
    const authority = await ensureAuthority(pki, 'tunnel', 'Sallyport demo tunnel');
    const proxy = await ensureLeaf(pki, 'proxy', authority, { dnsNames: [`*.${demo.tunnelDomain}`], usage: 'server' });
    const inWorkspace = operator.as({ workspaceId: demo.workspaceId });
    const token = await provisionTunnel(inWorkspace, demo.tunnelId, authority.certificatePem);
    await inWorkspace.close();
    if (!token.ok) return fail(`the tunnel could not be set up: ${token.reason.message}`);
    return writeConnectorFiles(this.#directory.connector, {
      tunnelToken: token.value,
      tunnelDomain: demo.tunnelDomain,
      edgePort: wiring.edgePort,
      samplePort: wiring.samplePort,
      edgeCaFile: wiring.certificates.listener.caFile,
      proxy,
      routerCaFile: wiring.certificates.services.router.caFile,
    });
  }
}

/** Ends what a killed suite left running, and makes sure that the two ports are free then. */
async function clearTheWay(request: SuiteRequest, directory: DataDirectory): Step {
  await Promise.all([endLeftoverProcesses(directory.run), endPostgresLeftBehind(directory.root)]);
  return checkPorts(request.routerPort);
}

function readStateFor(request: SuiteRequest, { root, stateFile }: DataDirectory): Result<SuiteState, string> {
  const read = readSuiteState(stateFile);
  if (!read.ok) return read;
  const state = read.value ?? newSuiteState();
  if (state.eventLog === undefined || state.eventLog === eventLogOf(request)) return ok(state);
  return fail(
    `the ledger in ${root} was made from an event log in ${state.eventLog === 'kafka' ? 'Kafka: start it with --kafka' : 'PostgreSQL: start it without --kafka'}, or choose another directory with --data DIR`,
  );
}

function eventLogOf({ kafka }: SuiteRequest): 'postgres' | 'kafka' {
  return kafka === undefined ? 'postgres' : 'kafka';
}

function noSandbox(sandboxProblem: string): SandboxInfo {
  return { sessionMcpUrl: null, executorPid: null, sandboxProblem };
}

function loopbackUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function controlUrlOf({ controlPort }: SuiteWiring): string {
  return loopbackUrl(controlPort);
}
