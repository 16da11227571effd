import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { fail, ok, type Result } from '@sallyport/result';
import type { ByteStreams } from '../adapters/tunnel/inner-connections.ts';
import type { TunnelStream } from '../adapters/tunnel/inner-http2.ts';
import type { RouterIdentity } from '../adapters/tunnel/inner-tls.ts';
import type { Route } from '../ports/routes.ts';
import type { UpstreamFailure, UpstreamRequest } from '../ports/upstreams.ts';
import { lost } from './fake-ports.ts';

const day = 86_400_000;

/** The private side's proxy with a certificate that a CA signs, and byte streams that lead to it without an edge. */
export class FarProxy implements ByteStreams {
  /** Both ends of the byte streams, in the order they were opened. */
  readonly streams: { readonly near: TunnelStream; readonly far: Duplex }[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  protocol: 'h2' | 'http/1.1' = 'h2';
  refuses = false;
  readonly ca: CertificateAuthority;
  readonly identity: RouterIdentity;
  readonly #http2: Http2SecureServer;
  readonly #http1: Server;

  private constructor(
    ca: CertificateAuthority,
    identity: RouterIdentity,
    certificate: { readonly certificatePem: string; readonly keyPem: string },
    listener: RequestListener,
  ) {
    this.ca = ca;
    this.identity = identity;
    const tls = { cert: certificate.certificatePem, key: certificate.keyPem };
    this.#http2 = createSecureServer(tls, listener as unknown as Parameters<typeof createSecureServer>[1]);
    this.#http2.on('session', (session) => this.sessions.push(session));
    this.#http1 = createHttpsServer(tls, listener);
    for (const server of [this.#http2, this.#http1]) server.on('tlsClientError', () => undefined);
  }

  static async start(listener: RequestListener): Promise<FarProxy> {
    const notAfter = new Date(Date.now() + day);
    const ca = await createCertificateAuthority('tunnel CA', notAfter);
    const identity = await issueCertificate(ca, { dnsNames: ['router'], notAfter, usage: 'client' });
    const leaf = await issueCertificate(ca, { dnsNames: ['*.x.tunnels.example'], notAfter, usage: 'server' });
    return new FarProxy(ca, identity, leaf, listener);
  }

  openByteStream(): Promise<Result<TunnelStream, UpstreamFailure>> {
    if (this.refuses) return Promise.resolve(fail({ ...lost, sent: false }));
    const [near, far] = duplexPair();
    const stream = Object.assign(near, { receivedBytes: 0 });
    stream.on('data', (chunk: Buffer) => (stream.receivedBytes += chunk.length));
    stream.pause();
    for (const end of [near, far]) end.on('error', () => undefined);
    this.streams.push({ near: stream, far });
    (this.protocol === 'h2' ? this.#http2 : this.#http1).emit('connection', far);
    return Promise.resolve(ok(stream));
  }

  route(host = 'files.x.tunnels.example', caSetId = 'ca-1', changes: Partial<Route> = {}): Route {
    return {
      workspaceId: 'wrkspc_1',
      principalId: 'apikey_1',
      tunnelId: 'tnl_1',
      tunnelDomain: 'x.tunnels.example',
      server: 'files',
      host,
      mode: 'end_to_end',
      caCertificatesPem: [this.ca.certificatePem],
      caSetId,
      policy: { policyId: 'pol_1', sha256: '', rules: [] },
      routerUnauthenticated: false,
      ...changes,
    };
  }

  stop(): void {
    for (const { near, far } of this.streams) {
      near.destroy();
      far.destroy();
    }
  }
}

export const post: UpstreamRequest = {
  method: 'POST',
  path: '/mcp',
  headers: [['content-type', 'application/json']],
  body: [Buffer.from('{}')],
  clientIp: '127.0.0.1',
};
