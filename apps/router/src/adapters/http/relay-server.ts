import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Logger } from '@sallyport/telemetry';
import { requestTarget, type SessionTarget, type TunnelTarget } from '../../domain/request-target.ts';
import { ClientResponse } from './client-response.ts';
import type { AcceptedRequest, Destination, Destinations } from './destination.ts';
import { MemoryBudget, MemoryShare } from './memory-budget.ts';
import { readBody } from './read-body.ts';
import { refuse } from './refuse.ts';
import { StandingRequests } from './standing-requests.ts';

export interface RelayServerConfig {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names of the router itself, besides its address: there, the path names the tunnel or the session. */
  readonly ownHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly bodyBytesTotalMax: number;
  readonly requestsMax: number;
  readonly requestsPerPrincipalMax: number;
  /** How often a request that stands is asked for its right to. */
  readonly recheckEveryMs?: number;
}

const headerBytesMax = 32 * 1024;
const headersMsMax = 10_000;
const requestMsMax = 60_000;
const keepAliveMs = 75_000;
const recheckEveryMsDefault = 5_000;
const credentialCharactersMax = 4_096;
/** A client may keep idle connections; beyond this it gets none. */
const connectionsPerRequestMax = 2;
/** Another charset would make another message of the same bytes: body parsers of Node take UTF-7, in which `+ACI-` is a quote. */
const jsonInUtf8 = /^application\/json\s*(?:;\s*charset\s*=\s*(?:utf-8|"utf-8")\s*)?;?\s*$/i;
/** Servers differ in which of two they take. */
const singleHeaders = [
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-encoding',
  'origin',
  'mcp-session-id',
  'last-event-id',
] as const;

/** What the router serves, by how a request names it. */
export interface ServedDestinations {
  readonly tunnels: Destinations<TunnelTarget>;
  readonly sessions: Destinations<SessionTarget>;
}

/** The router's HTTP server: who may speak, where to, and how much. What is said is the destination's. */
export class RelayServer {
  readonly #config: RelayServerConfig;
  readonly #served: ServedDestinations;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #ownHosts: Set<string>;
  readonly #memory: MemoryBudget;
  readonly #standing = new StandingRequests();
  readonly #byPrincipal = new Map<string, number>();
  /** Answers under way by connection. */
  readonly #bySocket = new WeakMap<Duplex, Set<ServerResponse>>();
  #requests = 0;
  #stopping = false;

  constructor(config: RelayServerConfig, served: ServedDestinations, log: Logger) {
    this.#config = config;
    this.#served = served;
    this.#log = log;
    this.#ownHosts = new Set(config.ownHosts);
    this.#memory = new MemoryBudget(config.bodyBytesTotalMax);
    const options = {
      maxHeaderSize: headerBytesMax,
      headersTimeout: headersMsMax,
      requestTimeout: requestMsMax,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false, // answered in our own words
      insecureHTTPParser: false,
    };
    const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void this.#accept(incoming, outgoing);
    this.#server =
      config.tls === undefined
        ? createServer(options, listener)
        : createTlsServer({ ...options, ...config.tls, minVersion: 'TLSv1.2' }, listener);
    this.#server.maxConnections = config.requestsMax * connectionsPerRequestMax;
    this.#server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      outgoing.writeContinue();
      listener(incoming, outgoing);
    });
    this.#server.on('clientError', (error, socket) => refuseUnreadable(error, socket, this.#isAnswering(socket)));
  }

  start(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#config.port, this.#config.host, () => {
        this.#server.off('error', reject);
        this.#standing.start(this.#config.recheckEveryMs ?? recheckEveryMsDefault);
        this.#server.on('error', (error) => this.#log.error({ err: error }, 'a connection could not be accepted'));
        const address = this.#server.address();
        const port = typeof address === 'object' && address !== null ? address.port : this.#config.port;
        for (const name of ['127.0.0.1', 'localhost', '[::1]']) this.#ownHosts.add(`${name}:${port}`);
        resolve(port);
      });
    });
  }

  /** Running requests may finish within `drainMs`; new ones are refused. Calls that are open then end before their clients are cut off. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    this.#standing.stop();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => {
      void this.#endOpen().finally(() => this.#server.closeAllConnections());
    }, drainMs);
    await closed;
    clearTimeout(timer);
    await this.#endOpen(); // those whose client is not connected
  }

  async #endOpen(): Promise<void> {
    await Promise.all([this.#served.tunnels.stop(), this.#served.sessions.stop()]);
  }

  async #accept(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const client = new ClientResponse(outgoing);
    const { socket } = incoming;
    outgoing.once('close', () => this.#leave(socket, outgoing));
    const answers = this.#bySocket.get(socket);
    if (answers === undefined) this.#bySocket.set(socket, new Set([outgoing]));
    else answers.add(outgoing);
    if (this.#requests >= this.#config.requestsMax) return refuse(incoming, client, 'too_many_requests');
    this.#requests += 1;
    try {
      await this.#serve(incoming, client);
    } catch (error) {
      this.#log.error({ err: error }, 'a request failed');
      client.error({ code: 'internal' });
    } finally {
      this.#requests -= 1;
    }
  }

  #leave(socket: Duplex, outgoing: ServerResponse): void {
    this.#bySocket.get(socket)?.delete(outgoing);
    if (this.#stopping) setImmediate(() => this.#server.closeIdleConnections());
  }

  /** Whether bytes on this connection would come into an answer to an earlier request. */
  #isAnswering(socket: Duplex): boolean {
    for (const { headersSent, req } of this.#bySocket.get(socket) ?? []) if (headersSent || req.complete) return true;
    return false;
  }

  async #serve(incoming: IncomingMessage, client: ClientResponse): Promise<void> {
    if (this.#stopping) return client.error({ code: 'shutting_down' }, { connection: 'close' });
    if (repeatsSingleHeader(incoming)) return refuse(incoming, client, 'bad_request');
    const target = requestTarget(incoming.headers.host, incoming.url ?? '', this.#ownHosts);
    if (!target.ok) return refuse(incoming, client, target.reason === 'bad-path' ? 'bad_request' : 'host_not_served');
    if (!this.#originAllowed(incoming)) return refuse(incoming, client, 'origin_not_allowed');
    const credential = credentialOf(incoming);
    if (credential === undefined) return refuse(incoming, client, 'unauthenticated');
    const { tunnels, sessions } = this.#served;
    const { value } = target;
    const destination = await ('sessionId' in value
      ? sessions.resolve(credential, value)
      : tunnels.resolve(credential, value));
    if (!destination.ok) return refuse(incoming, client, destination.reason);
    const { principalId } = destination.value;
    const running = this.#byPrincipal.get(principalId) ?? 0;
    if (running >= this.#config.requestsPerPrincipalMax) return refuse(incoming, client, 'too_many_requests');
    this.#byPrincipal.set(principalId, running + 1);
    const leave = this.#standing.add({ destination: destination.value, client });
    const clientIp = incoming.socket.remoteAddress ?? '';
    const request = { incoming, client, memory: this.#memory, credential, clientIp };
    try {
      if (incoming.method === 'POST') await this.#post(request, destination.value);
      else await destination.value.withoutBody(request);
    } finally {
      leave();
      const left = (this.#byPrincipal.get(principalId) ?? 1) - 1;
      if (left > 0) this.#byPrincipal.set(principalId, left);
      else this.#byPrincipal.delete(principalId);
    }
  }

  async #post(request: AcceptedRequest, destination: Destination): Promise<void> {
    const { incoming, client } = request;
    if (!jsonInUtf8.test(incoming.headers['content-type'] ?? '') || !isUnencoded(incoming)) {
      return refuse(incoming, client, 'unsupported_media_type');
    }
    const share = new MemoryShare(this.#memory);
    try {
      const body = await readBody(incoming, this.#config.bodyBytesMax, share);
      if (body.ok) await destination.posted(request, body.value);
      else if (body.reason !== 'aborted') refuse(incoming, client, body.reason);
    } finally {
      share.release();
    }
  }

  /** Browsers send Origin: only pages that were named, or that come from this very host, may speak (MCP, "Security Warning"). */
  #originAllowed(incoming: IncomingMessage): boolean {
    const { origin, host = '' } = incoming.headers;
    if (origin === undefined) return true;
    if (this.#config.allowedOrigins.includes(origin)) return true;
    const named = /^https?:\/\/([^/]+)$/.exec(origin)?.[1]?.toLowerCase();
    return named !== undefined && named === host.toLowerCase();
  }
}

function repeatsSingleHeader({ headersDistinct }: IncomingMessage): boolean {
  return singleHeaders.some((name) => (headersDistinct[name]?.length ?? 0) > 1);
}

/** Beside an `X-Api-Key`, `Authorization` is the private server's: a token that the agent has for it. */
function credentialOf(incoming: IncomingMessage): string | undefined {
  const { authorization = '', 'x-api-key': apiKey } = incoming.headers;
  const credential = apiKey ?? /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  return typeof credential === 'string' && credential !== '' && credential.length <= credentialCharactersMax
    ? credential
    : undefined;
}

function isUnencoded(incoming: IncomingMessage): boolean {
  const encoding = incoming.headers['content-encoding'];
  return encoding === undefined || encoding.toLowerCase() === 'identity';
}

/** What Node's parser refuses never becomes a request. An answer that is under way on the connection must not be written into. */
function refuseUnreadable(error: Error & { code?: string }, socket: Duplex, isAnswering: boolean): void {
  if (!socket.writable || isAnswering || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers_too_large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request_timeout']
        : ['400 Bad Request', 'bad_request'];
  const body = JSON.stringify({
    jsonrpc: '2.0',
    error: { code: 4_000, message: 'The HTTP request is not acceptable.', data: { code, source: 'sallyport' } },
  });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
