import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeTunnelToken, type TunnelToken } from '@sallyport/connector-wire';
import { identity, tunnel } from '@sallyport/contracts';
import { GrpcServer, type TlsFiles, grpcChannel, serviceName } from '@sallyport/grpc';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';

import { AppProcess } from './child-process.ts';

const inOneHour = () => new Date(Date.now() + 3_600_000);
export const innerHost = 'tools.acme.tunnel.test';
export const knownTunnel = 'tnl_00000000000000000000000001';

/** Everything around one edge that is not the edge: certificates on disk, a control that knows one token, processes to start. */
export class TestBed {
  readonly directory = mkdtempSync(join(tmpdir(), 'sallyport-edge-'));
  readonly token: TunnelToken = {
    accountTag: 'acct-1',
    tunnelUuid: '11111111-2222-4333-8444-555555555555',
    tunnelSecret: randomBytes(32),
  };
  readonly processes: AppProcess[] = [];
  /** What control answers to the known token; a test may archive the tunnel or break control. */
  controlAnswers: 'accepted' | 'archived' | 'unavailable' = 'accepted';
  readonly #files = new Map<string, TlsFiles>();
  readonly #closers: (() => Promise<unknown>)[] = [];
  #controlPort = 0;
  innerAuthority: CertificateAuthority | undefined;
  routerAuthority: CertificateAuthority | undefined;

  static async create(): Promise<TestBed> {
    const bed = new TestBed();
    const services = await createCertificateAuthority('services', inOneHour());
    const edges = await createCertificateAuthority('edges', inOneHour());
    bed.innerAuthority = await createCertificateAuthority('inner', inOneHour());
    bed.routerAuthority = await createCertificateAuthority('routers', inOneHour());
    for (const name of ['edge', 'router', 'control'] as const) await bed.#issue(name, services, [serviceName[name]]);
    await bed.#issue('listener', edges, ['h2.cftunnel.com', 'probe.cftunnel.com']);
    await bed.#issue('proxy', bed.innerAuthority, [innerHost, '*.acme.tunnel.test']);
    bed.write('routers-ca.pem', bed.routerAuthority.certificatePem);
    await bed.#startControl();
    return bed;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text, { mode: 0o600 });
    return this.path(name);
  }

  tls(name: string): TlsFiles {
    const files = this.#files.get(name);
    if (files === undefined) throw new Error(`no certificate for ${name}`);
    return files;
  }

  async startEdge(env: Readonly<Record<string, string>> = {}): Promise<RunningEdge> {
    const { certFile, keyFile, caFile } = this.tls('edge');
    const listener = this.tls('listener');
    const process = AppProcess.start('edge', [], {
      EDGE_CONNECTOR_HOST: '127.0.0.1',
      EDGE_CONNECTOR_PORT: '0',
      EDGE_CONNECTOR_CERT_FILE: listener.certFile,
      EDGE_CONNECTOR_KEY_FILE: listener.keyFile,
      EDGE_GRPC_ADDRESS: '127.0.0.1:0',
      EDGE_CONTROL_ADDRESS: `127.0.0.1:${this.#controlPort}`,
      EDGE_TLS_CERT_FILE: certFile,
      EDGE_TLS_KEY_FILE: keyFile,
      EDGE_TLS_CA_FILE: caFile,
      EDGE_DRAIN_MS: '1000',
      ...env,
    });
    this.processes.push(process);
    const line = await process.line('edge ready');
    return { process, connectorPort: Number(line['connectorPort']), grpcPort: Number(line['grpcPort']) };
  }

  routerClient(edge: Pick<RunningEdge, 'grpcPort'>, as = 'router'): tunnel.TunnelServiceClient {
    const channel = grpcChannel({
      address: `127.0.0.1:${edge.grpcPort}`,
      server: serviceName.edge,
      tls: this.tls(as),
    });
    const client = new tunnel.TunnelServiceClient(channel.address, channel.credentials, channel.options);
    this.#closers.push(() => Promise.resolve(client.close()));
    return client;
  }

  startConnector(yaml: string, options: ConnectorOptions): AppProcess {
    const name = `connector-${this.processes.length}`;
    const edges = [options.edge, ...(options.otherEdges ?? [])].map(
      ({ connectorPort }) => `127.0.0.1:${connectorPort}`,
    );
    this.write(
      `${name}.yml`,
      `edge: ${JSON.stringify(edges)}\ncacert: listener.ca.pem\nha-connections: ${options.connections ?? 1}\nretries: 1\n${yaml}`,
    );
    const process = AppProcess.start('connector', ['--config', this.path(`${name}.yml`)], {
      CONNECTOR_TOKEN_FILE: this.write(`${name}.token`, encodeTunnelToken(options.token ?? this.token)),
      ...options.env,
    });
    this.processes.push(process);
    return process;
  }

  /** `x-sallyport` of a connector in end-to-end mode. */
  endToEnd(allow = '[127.0.0.0/8]'): string {
    return `x-sallyport: { cert: proxy.cert.pem, key: proxy.key.pem, router_ca: routers-ca.pem, allow: ${allow} }\n`;
  }

  async routerCertificate(
    part: Partial<Parameters<typeof issueCertificate>[1]> = {},
    authority = this.routerAuthority,
  ): Promise<{ cert: string; key: string }> {
    if (authority === undefined) throw new Error('the bed is not made');
    const issued = await issueCertificate(authority, {
      dnsNames: [serviceName.router],
      notAfter: inOneHour(),
      usage: 'client',
      ...part,
    });
    return { cert: issued.certificatePem, key: issued.keyPem };
  }

  async startUpstream(listener: Parameters<typeof createServer>[1]): Promise<{ port: number; server: Server }> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    this.#closers.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return { port: (server.address() as AddressInfo).port, server };
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
    await Promise.all(this.#closers.map((close) => close()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #issue(name: string, authority: CertificateAuthority, dnsNames: readonly string[]): Promise<void> {
    const issued = await issueCertificate(authority, { dnsNames, notAfter: inOneHour(), usage: 'both' });
    this.#files.set(name, {
      certFile: this.write(`${name}.cert.pem`, issued.certificatePem),
      keyFile: this.write(`${name}.key.pem`, issued.keyPem),
      caFile: this.write(`${name}.ca.pem`, authority.certificatePem),
    });
  }

  async #startControl(): Promise<void> {
    const server = new GrpcServer({ address: '127.0.0.1:0', tls: this.tls('control') }, [
      {
        definition: identity.TunnelTokenServiceService,
        callers: { checkTunnelToken: [serviceName.edge] },
        implementation: {
          checkTunnelToken: (
            call: { request: identity.CheckTunnelTokenRequest },
            callback: (error: object | null, response?: identity.CheckTunnelTokenResponse) => void,
          ) => {
            if (this.controlAnswers === 'unavailable') return callback({ code: 14, details: 'down' });
            callback(null, { outcome: this.#outcome(call.request) });
          },
        },
      },
    ]);
    this.#controlPort = await server.start();
    this.#closers.push(() => server.stop(0));
  }

  #outcome(request: identity.CheckTunnelTokenRequest): identity.CheckTunnelTokenResponse['outcome'] {
    const { accountTag, tunnelUuid, tunnelSecret } = this.token;
    const known =
      request.accountTag === accountTag &&
      request.tunnelUuid === tunnelUuid &&
      request.tunnelSecret.equals(tunnelSecret);
    if (!known) return { $case: 'refused', value: identity.TunnelTokenRefusal.UNKNOWN };
    if (this.controlAnswers === 'archived') return { $case: 'refused', value: identity.TunnelTokenRefusal.ARCHIVED };
    return { $case: 'accepted', value: { tunnelId: knownTunnel } };
  }
}

export interface RunningEdge {
  readonly process: AppProcess;
  readonly connectorPort: number;
  readonly grpcPort: number;
}

export interface ConnectorOptions {
  readonly edge: Pick<RunningEdge, 'connectorPort'>;
  readonly otherEdges?: readonly Pick<RunningEdge, 'connectorPort'>[];
  readonly token?: TunnelToken;
  readonly connections?: number;
  readonly env?: Readonly<Record<string, string>>;
}
