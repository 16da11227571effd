import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freeLoopbackPort } from '@sallyport/loopback-ports';
import { openKafka } from '../open-kafka.ts';
import { brokerClassPath, deployDirectory } from './broker-class-path.ts';
import { type BrokerPorts, type BrokerTls, type BrokerUser, brokerProperties } from './broker-properties.ts';

export interface LocalBrokerOptions {
  /** Holds the configuration and the data; kept across restarts. */
  readonly directory: string;
  /** Loopback, without TLS; default: a free port. */
  readonly port?: number;
  /** Opens a SASL listener (PLAIN, SCRAM, and OAUTHBEARER with unsigned tokens). */
  readonly user?: BrokerUser;
  /** Opens a TLS listener that requires client certificates. */
  readonly tls?: BrokerTls;
  /** Opens a listener that sends clients to this port of a proxy; the proxy connects to `ports.proxied.listen`. */
  readonly proxyPort?: number;
  readonly onLog?: (line: string) => void;
}

const readyMsMax = 60_000;
const stopMsMax = 20_000;
const heap = ['-Xms128m', '-Xmx512m'];
const logLinesKept = 30;

/** Apache Kafka as one KRaft node on loopback. Needs Java 17, and Maven the first time. */
export class LocalBroker {
  readonly ports: BrokerPorts;
  readonly #command: readonly string[];
  readonly #options: LocalBrokerOptions;
  readonly #logTail: string[] = [];
  #java: ChildProcess | undefined;

  private constructor(options: LocalBrokerOptions, ports: BrokerPorts, command: readonly string[]) {
    this.#options = options;
    this.ports = ports;
    this.#command = command;
  }

  /** Formats the storage if it is new, starts the broker and waits until it answers. */
  static async start(options: LocalBrokerOptions): Promise<LocalBroker> {
    const classPath = join(await brokerClassPath(), '*');
    const ports: BrokerPorts = {
      plaintext: options.port ?? (await freeLoopbackPort()),
      controller: await freeLoopbackPort(),
      ...(options.user === undefined ? {} : { sasl: await freeLoopbackPort() }),
      ...(options.tls === undefined ? {} : { tls: await freeLoopbackPort() }),
      ...(options.proxyPort === undefined
        ? {}
        : { proxied: { listen: await freeLoopbackPort(), announce: options.proxyPort } }),
    };
    const data = join(options.directory, 'data');
    const configuration = join(options.directory, 'server.properties');
    mkdirSync(options.directory, { recursive: true });
    writeFileSync(configuration, brokerProperties(ports, data, options.user, options.tls), { mode: 0o600 });
    if (!existsSync(join(data, 'meta.properties'))) await formatStorage(classPath, configuration, options.user);
    const logging = `-Dlog4j2.configurationFile=${join(deployDirectory, 'log4j2.properties')}`;
    const broker = new LocalBroker(options, ports, [...heap, logging, '-cp', classPath, 'kafka.Kafka', configuration]);
    await broker.restart();
    return broker;
  }

  get brokers(): string {
    return `127.0.0.1:${this.ports.plaintext}`;
  }

  /** Of the process that runs now; 0 where none does. */
  get pid(): number {
    const java = this.#java;
    return java === undefined || java.exitCode !== null || java.signalCode !== null ? 0 : (java.pid ?? 0);
  }

  /** After `stop` or `kill`, with the same data and ports. */
  async restart(): Promise<void> {
    const java = spawn('java', this.#command, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#java = java;
    const killWithUs = () => java.kill('SIGKILL');
    process.once('exit', killWithUs);
    java.once('exit', () => process.off('exit', killWithUs));
    for (const stream of [java.stdout, java.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#log(text));
    }
    try {
      await this.#ready(java);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#java?.kill('SIGKILL'), stopMsMax);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const java = this.#java;
    if (java === undefined || java.exitCode !== null || java.signalCode !== null) return;
    const ended = new Promise((resolve) => java.once('exit', resolve));
    java.kill(signal);
    await ended;
  }

  #log(text: string): void {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      this.#logTail.push(line);
      if (this.#logTail.length > logLinesKept) this.#logTail.shift();
      this.#options.onLog?.(line);
    }
  }

  async #ready(java: ChildProcess): Promise<void> {
    const untilMs = performance.now() + readyMsMax;
    let failure = '';
    java.once('error', (error) => {
      failure = error.message;
    });
    while (performance.now() < untilMs) {
      if (failure !== '' || java.exitCode !== null || java.signalCode !== null) break;
      if (await answers(this.brokers)) return;
      await sleep(100);
    }
    throw new Error(`the Kafka broker did not start: ${failure}\n${this.#logTail.join('\n')}`);
  }
}

async function answers(brokers: string): Promise<boolean> {
  const admin = openKafka({ brokers: [brokers], clientId: 'sallyport-ready' }).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

async function formatStorage(classPath: string, configuration: string, user: BrokerUser | undefined): Promise<void> {
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    user === undefined ? [] : ['--add-scram', `${mechanism}=[name=${user.username},password=${user.password}]`],
  );
  // Kafka takes no id that begins with a dash.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const tool = ['-cp', classPath, 'kafka.tools.StorageTool', 'format'];
  await promisify(execFile)('java', [...tool, '--cluster-id', clusterId, '--config', configuration, ...scram]);
}
