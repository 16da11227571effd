import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createLogger, Telemetry } from '@sallyport/telemetry';
import { NodeClockAndIds } from '../adapters/crypto/node-clock-and-ids.ts';
import { RelayHandler } from '../adapters/http/relay-handler.ts';
import { RelayServer, type RelayServerConfig } from '../adapters/http/relay-server.ts';
import { ResumableCalls } from '../adapters/http/resumable-calls.ts';
import { TunnelDestinations } from '../adapters/http/tunnel-destinations.ts';
import { SessionDestinations } from '../adapters/sessions/session-destinations.ts';
import { SessionHandler } from '../adapters/sessions/session-handler.ts';
import { BeginCall } from '../application/begin-call.ts';
import { OpenCalls } from '../application/open-calls.ts';
import type { SessionTools } from '../ports/session-tools.ts';
import { FakePrincipals, FakeRecorder, FakeRoutes, FakeUpstreams, NoSessionTools } from './fake-ports.ts';

export interface BedLimits {
  readonly callMsMax: number;
  readonly listBytesMax: number;
  readonly resumeMs: number;
}

/** A router's HTTP side between a client on a real socket and fakes of everything behind it. */
export class RelayBed {
  readonly upstreams = new FakeUpstreams();
  readonly recorder = new FakeRecorder();
  readonly routes = new FakeRoutes();
  readonly principals = new FakePrincipals();
  readonly open = new OpenCalls();
  readonly server: RelayServer;
  port = 0;
  readonly #sockets = new Set<Socket>();

  constructor(
    config: Partial<RelayServerConfig> = {},
    limits: Partial<BedLimits> = {},
    tools: SessionTools = new NoSessionTools(),
  ) {
    const clock = new NodeClockAndIds();
    const { callMsMax = 60_000, listBytesMax = 1 << 20, resumeMs = 1_000 } = limits;
    const bodyBytesMax = config.bodyBytesMax ?? 1 << 20;
    const telemetry = Telemetry.start('router', { sampleRatio: 1, metricsIntervalMs: 60_000 });
    const begin = new BeginCall(this.recorder, this.open, clock, callMsMax);
    const handler = new RelayHandler(
      this.upstreams,
      { begin, open: this.open, resumable: new ResumableCalls(resumeMs) },
      clock,
      {
        limits: { bodyBytesMax, listBytesMax, callMsMax },
        commitmentKey: Buffer.alloc(32),
        telemetry,
      },
    );
    const log = createLogger('router', { level: 'silent' });
    const sessions = new SessionHandler(tools, clock, log, { bodyBytesMax, telemetry });
    const defaults = {
      host: '127.0.0.1',
      port: 0,
      ownHosts: [],
      allowedOrigins: [],
      bodyBytesMax,
      bodyBytesTotalMax: 16 << 20,
      requestsMax: 100,
      requestsPerPrincipalMax: 50,
    };
    const served = {
      tunnels: new TunnelDestinations(this.routes, handler),
      sessions: new SessionDestinations(this.principals, sessions),
    };
    this.server = new RelayServer({ ...defaults, ...config }, served, log);
  }

  async start(): Promise<this> {
    this.port = await this.server.start();
    return this;
  }

  async stop(): Promise<void> {
    this.recorder.release();
    for (const socket of this.#sockets) socket.destroy();
    for (const sent of this.upstreams.sent) sent.body.destroy();
    await this.server.stop(10);
  }

  /** Sends a POST and gives the client's end of it. */
  post(body: string, headers: Readonly<Record<string, string>> = {}): Client {
    return new Client(this.#request('POST', headers), body);
  }

  get(headers: Readonly<Record<string, string>> = {}, method: 'GET' | 'DELETE' = 'GET', path = '/mcp'): Client {
    return new Client(this.#request(method, { accept: 'text/event-stream', ...headers }, path), undefined);
  }

  /** A connection on which the test writes what it likes. */
  raw(): Socket {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => undefined);
    this.#sockets.add(socket);
    return socket;
  }

  #request(method: string, headers: Readonly<Record<string, string>>, path = '/mcp'): ClientRequest {
    const request = httpRequest({
      port: this.port,
      host: '127.0.0.1',
      method,
      path,
      agent: false,
      headers: {
        host: 'files.x.tunnels.example',
        authorization: 'Bearer sk-alice',
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
    });
    request.on('socket', (socket) => this.#sockets.add(socket));
    return request;
  }
}

/** What a client sees of its answer, byte for byte as it comes. */
export class Client {
  text = '';
  ended = false;
  readonly response: Promise<IncomingMessage>;
  /** Resolves when the answer has ended or was cut: `ended` tells which. */
  readonly closed: Promise<void>;
  readonly #request: ClientRequest;

  constructor(request: ClientRequest, body: string | undefined) {
    this.#request = request;
    this.response = new Promise((resolve, reject) => {
      request.once('response', resolve);
      request.on('error', reject);
    });
    this.closed = this.response.then(
      (response) =>
        new Promise((resolve) => {
          response.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
          response.once('end', () => (this.ended = true));
          response.on('error', () => undefined);
          response.once('close', resolve);
        }),
      () => undefined,
    );
    if (body === undefined) request.end();
    else request.end(body);
  }

  async status(): Promise<number> {
    return (await this.response).statusCode ?? 0;
  }

  async whole(): Promise<string> {
    await this.closed;
    return this.text;
  }

  leave(): void {
    this.#request.destroy();
  }
}

export const legacy = { 'mcp-protocol-version': '2025-11-25' };

export function modern(method: string, name?: string): Record<string, string> {
  const mirrored = name === undefined ? {} : { 'mcp-name': name };
  return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...mirrored };
}

const claim = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';

export const legacyCall = (id: number | string = 1, name = 'echo') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}","arguments":{}}}`;
export const modernCall = (id: number | string = 1, name = 'echo') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}","arguments":{},${claim}}}`;
export const request = (method: string, id = 1) => `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{}}`;
export const answer = (id: number | string = 1, text = 'secret') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"${text}"}]}}`;

/** Long enough for what must not happen to have happened. */
export const settle = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms));
