import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeTunnelToken, encodeCredentialsFile } from '@sallyport/connector-wire';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { parse, stringify } from 'yaml';
import { repositoryRoot, type Suite } from './suite.ts';

export interface TestTunnel {
  readonly tunnelId: string;
  readonly domain: string;
  /** `/t/…` form, path `/mcp`. */
  readonly mcpUrl: string;
  readonly host: string;
  readonly workspaceId: string;
  /** Scopes call, manage, audit. */
  readonly apiKey: string;
  readonly ca: CertificateAuthority;
  readonly connector: ChildProcess;
  setPolicy(rules: readonly unknown[]): Promise<void>;
  /** Ends the connector with the signal, and starts another, as a supervisor does. */
  replaceConnector(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

export interface TunnelOptions {
  readonly upstreamPort: number;
  readonly mode?: 'end_to_end' | 'transport';
  readonly rules?: readonly unknown[];
  /** Replaces the proxy's certificate, for those that must be refused. */
  readonly proxyCertificate?: (
    ca: CertificateAuthority,
    domain: string,
  ) => Promise<{ readonly certificatePem: string; readonly keyPem: string }>;
  /** Changes the CA that is registered; `none` registers no CA. */
  readonly registeredCa?: 'own' | 'other' | 'none';
  readonly connectorEnv?: Readonly<Record<string, string>>;
  readonly server?: string;
  /** A network of its own for the connector: how to run it there, and where it finds the edge and the upstream. */
  readonly network?: {
    readonly command: readonly string[];
    readonly edge: string;
    readonly upstream: { readonly host: string; readonly port: number };
  };
}

const tomorrow = () => new Date(Date.now() + 86_400_000);
const registerMsMax = 20_000;

/** A workspace of its own with one tunnel, and our connector in front of an upstream on loopback. */
export async function startTunnel(suite: Suite, options: TunnelOptions): Promise<TestTunnel> {
  const { operatorKey } = suite;
  const post = async (path: string, key: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await suite.control('POST', path, key, body, headers);
    if (answer.status !== 200) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as Record<string, string>;
  };
  const { id: workspaceId = '' } = await post('/v1/workspaces', operatorKey, { name: 'e2e' });
  const inWorkspace = { 'anthropic-workspace-id': workspaceId };
  const { api_key: apiKey = '' } = await post(
    '/v1/api_keys',
    operatorKey,
    { name: 'e2e', scopes: ['call', 'manage', 'audit'] },
    inWorkspace,
  );
  const mode = options.mode ?? 'end_to_end';
  const { id: tunnelId = '', domain = '' } = await post('/v1/tunnels', apiKey, {
    display_name: 'e2e',
    sallyport: { mode },
  });
  const { tunnel_token: token = '' } = await post(`/v1/tunnels/${tunnelId}/reveal_token`, apiKey, {});
  const setPolicy = async (rules: readonly unknown[]) => void (await post('/v1/policy', apiKey, { rules }));
  await setPolicy(options.rules ?? [{ effect: 'allow' }]);
  const ca = await createCertificateAuthority('e2e tunnel CA', tomorrow());
  const registered = options.registeredCa ?? 'own';
  if (registered !== 'none') {
    const registeredCa = registered === 'own' ? ca : await createCertificateAuthority('another CA', tomorrow());
    await post(`/v1/tunnels/${tunnelId}/certificates`, apiKey, { ca_certificate_pem: registeredCa.certificatePem });
  }
  const server = options.server ?? 'app';
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-connector-'));
  const certificate = await (options.proxyCertificate ?? ownCertificate)(ca, domain);
  const { host: upstreamHost, port: upstreamPort } = options.network?.upstream ?? {
    host: '127.0.0.1',
    port: options.upstreamPort,
  };
  const facts = { token, domain, server, mode, certificate, edge: options.network?.edge };
  writeConfig(suite, directory, { ...facts, upstreamHost, upstreamPort });
  let connector = await startConnector(directory, options);
  const host = `${server}.${domain}`;
  return {
    tunnelId,
    domain,
    host,
    workspaceId,
    apiKey,
    ca,
    get connector() {
      return connector;
    },
    setPolicy,
    replaceConnector: async (signal) => {
      const gone = new Promise((resolve) => connector.once('exit', resolve));
      connector.kill(signal);
      await gone;
      connector = await startConnector(directory, options);
    },
    mcpUrl: `${suite.ready.routerUrl}/t/${host}/mcp`,
    stop: async () => {
      await ended(connector);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startConnector(directory: string, options: TunnelOptions): Promise<ChildProcess> {
  const config = join(directory, 'config.yml');
  const program = [process.execPath, 'apps/connector/src/main.ts', '--config', config];
  const [command = '', ...args] = [...(options.network?.command ?? []), ...program];
  const connector = spawn(command, args, {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', ...options.connectorEnv },
  });
  await registration(connector);
  return connector;
}

export function ownCertificate(ca: CertificateAuthority, domain: string) {
  return issueCertificate(ca, { dnsNames: [`*.${domain}`], notAfter: tomorrow(), usage: 'server' });
}

interface ConnectorFacts {
  readonly token: string;
  readonly domain: string;
  readonly server: string;
  readonly mode: 'end_to_end' | 'transport';
  /** Undefined: where the suite's own connector finds it. */
  readonly edge: string | undefined;
  readonly upstreamHost: string;
  readonly upstreamPort: number;
  readonly certificate: { readonly certificatePem: string; readonly keyPem: string };
}

/** Where the suite's edge listens for connectors: `host:port`. */
export function edgeAddress(suite: Suite): string {
  const demo = parse(readFileSync(join(suite.ready.dataDir, 'connector', 'config.yml'), 'utf8')) as { edge: string[] };
  return demo.edge[0] ?? '';
}

/** Address and CA of the edge, and the router's CA, are taken from the suite's own connector. */
function writeConfig(suite: Suite, directory: string, facts: ConnectorFacts): void {
  const demo = parse(readFileSync(join(suite.ready.dataDir, 'connector', 'config.yml'), 'utf8')) as {
    edge: string[];
    cacert: string;
    'x-sallyport': { router_ca: string };
  };
  const decoded = decodeTunnelToken(facts.token);
  if (!decoded.ok) throw new Error(`the token cannot be read: ${decoded.reason}`);
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const endToEnd = {
    'x-sallyport': {
      cert: file('tls.crt', facts.certificate.certificatePem),
      key: file('tls.key', facts.certificate.keyPem),
      router_ca: demo['x-sallyport'].router_ca,
      allow: [`${facts.upstreamHost}/32`],
    },
  };
  const config = {
    tunnel: decoded.value.tunnelUuid,
    'credentials-file': file('credentials.json', encodeCredentialsFile(decoded.value)),
    edge: facts.edge === undefined ? demo.edge : [facts.edge],
    cacert: demo.cacert,
    'ha-connections': 1,
    retries: 1,
    'grace-period': '1s',
    ingress: [
      { hostname: `${facts.server}.${facts.domain}`, service: `http://${facts.upstreamHost}:${facts.upstreamPort}` },
      { service: 'http_status:404' },
    ],
    ...(facts.mode === 'end_to_end' ? endToEnd : {}),
  };
  file('config.yml', stringify(config));
}

function registration(connector: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const timer = setTimeout(
      () => reject(new Error(`the connector did not register:\n${said.join('\n')}`)),
      registerMsMax,
    );
    connector.once('exit', (code) => reject(new Error(`the connector ended with ${code}:\n${said.join('\n')}`)));
    if (connector.stdout === null) return;
    createInterface({ input: connector.stdout }).on('line', (line) => {
      if (said.length < 50) said.push(line);
      if (!/registered/.test(line)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  });
}
