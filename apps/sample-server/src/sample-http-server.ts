import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  localhostHostValidation,
  localhostOriginValidation,
  type NodeIncomingMessageLike,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest, type McpHttpHandler } from '@modelcontextprotocol/server';

import { LegacySessions } from './legacy-sessions.ts';
import { createSampleServer } from './sample-tools.ts';

const host = '127.0.0.1';
const requestBytesMax = 1024 * 1024;
const sessionLimits = { sessionsMax: 256, idleMsMax: 30 * 60_000 };

/** The sample MCP server over HTTP, both eras on `/mcp`; `/health` says that it runs. On loopback, for callers who name it so. */
export class SampleHttpServer {
  readonly #http: Server;
  readonly #sessions = new LegacySessions(createSampleServer, sessionLimits);
  readonly #modern: McpHttpHandler;

  constructor() {
    const options = { maxRequestBodySize: requestBytesMax };
    this.#modern = createMcpHandler(createSampleServer, { legacy: 'reject', ...options });
    const fetch = async (request: Request): Promise<Response> =>
      (await isLegacyRequest(request, undefined, options))
        ? this.#sessions.fetch(request)
        : this.#modern.fetch(request);
    const serveMcp = toNodeHandler({ fetch }, options);
    const isLocalHost = localhostHostValidation();
    const isLocalOrigin = localhostOriginValidation();
    this.#http = createServer((request, response) => {
      if (!isLocalHost(request, response) || !isLocalOrigin(request, response)) return;
      if (request.url === '/mcp')
        serveMcp(request as NodeIncomingMessageLike, response).catch(() => response.destroy());
      else serveRest(request, response);
    });
  }

  /** Resolves with the port. */
  start(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(port, host, () => resolve((this.#http.address() as AddressInfo).port));
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#modern.close(), this.#sessions.close()]);
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
      this.#http.closeAllConnections();
    });
  }
}

function serveRest(request: IncomingMessage, response: ServerResponse): void {
  const isHealth = request.url === '/health' && request.method === 'GET';
  response.writeHead(isHealth ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isHealth ? { ok: true } : { error: 'there is only /mcp and /health' }));
}
