import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import {
  createMcpHandler,
  createRequestStateCodec,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpHttpHandler,
  validateHostHeader,
  validateOriginHeader,
} from '@modelcontextprotocol/server';
import { createFixture } from './fixture/create-fixture.ts';
import { LegacySessions } from './fixture/legacy-sessions.ts';
import type { RoundState } from './fixture/round-tools.ts';

const loopback = '127.0.0.1';

/** The fixture over HTTP on loopback, both eras on `/mcp`. It answers to its loopback names, and to those of `serveAs`. */
export class FixtureServer {
  readonly #http: Server;
  readonly #modern: McpHttpHandler;
  readonly #sessions: LegacySessions;
  readonly #hostnames = new Set(localhostAllowedHostnames());

  private constructor() {
    const states = createRequestStateCodec<RoundState>({ key: randomBytes(32) });
    const create = () => createFixture(this.#modern.notify, states);
    this.#modern = createMcpHandler(create, { legacy: 'reject' });
    this.#sessions = new LegacySessions(create);
    const serveMcp = toNodeHandler({
      fetch: async (request) =>
        (await isLegacyRequest(request)) ? this.#sessions.fetch(request) : this.#modern.fetch(request),
    });
    this.#http = createServer((request, response) => {
      if (!this.#isForUs(request)) refuse(response, 403, 'The host or the origin is not served.');
      else if (request.url !== '/mcp') refuse(response, 404, 'There is only /mcp.');
      else serveMcp(request as NodeIncomingMessageLike, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FixtureServer> {
    const fixture = new FixtureServer();
    await new Promise<void>((resolve, reject) => {
      fixture.#http.once('error', reject);
      fixture.#http.listen(0, loopback, resolve);
    });
    return fixture;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://${loopback}:${this.port}/mcp`;
  }

  /** A connector hands on the Host that the caller named. */
  serveAs(hostname: string): void {
    this.#hostnames.add(hostname);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#modern.close(), this.#sessions.close()]);
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }

  #isForUs({ headers: { host, origin } }: IncomingMessage): boolean {
    return (
      validateHostHeader(host, [...this.#hostnames]).ok && validateOriginHeader(origin, localhostAllowedOrigins()).ok
    );
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));
}
