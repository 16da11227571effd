import { randomUUID } from 'node:crypto';

import { type McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';

interface Session {
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  /** Requests that are running, a standing GET stream included. */
  running: number;
  usedAtMs: number;
}

export interface LegacySessionLimits {
  readonly sessionsMax: number;
  readonly idleMsMax: number;
}

const sessionHeader = 'mcp-session-id';

/**
 * Sessions of the 2025 protocol: `notifications/cancelled` reaches the call it names, because both belong to one instance. The
 * longest unused session makes room for a new one; those that nobody uses for `idleMsMax` end.
 */
export class LegacySessions {
  readonly #sessions = new Map<string, Session>();
  readonly #createServer: () => McpServer;
  readonly #limits: LegacySessionLimits;

  constructor(createServer: () => McpServer, limits: LegacySessionLimits) {
    this.#createServer = createServer;
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  async fetch(request: Request): Promise<Response> {
    await this.#endIdle();
    const id = request.headers.get(sessionHeader);
    if (id === null) return this.#begin(request);
    const session = this.#sessions.get(id);
    if (session === undefined) return refusal(404, -32001, 'Session not found');
    session.usedAtMs = Date.now();
    session.running += 1;
    try {
      return whenDone(await session.transport.handleRequest(request), () => leave(session));
    } catch (error) {
      leave(session);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((id) => this.#end(id)));
  }

  /** The transport refuses what is no `initialize`; then nobody knows the session, and it is dropped at once. */
  async #begin(request: Request): Promise<Response> {
    let id: string | undefined;
    const server = this.#createServer();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (sessionId) => {
        id = sessionId;
        this.#sessions.set(sessionId, { server, transport, running: 0, usedAtMs: Date.now() });
      },
      onsessionclosed: (sessionId) => void this.#sessions.delete(sessionId),
    });
    await server.connect(transport);
    const response = await transport.handleRequest(request);
    if (id === undefined) await server.close();
    while (this.#sessions.size > this.#limits.sessionsMax) await this.#end(this.#longestUnused());
    return response;
  }

  #longestUnused(): string {
    return [...this.#sessions].reduce((oldest, each) => (each[1].usedAtMs < oldest[1].usedAtMs ? each : oldest))[0];
  }

  async #endIdle(): Promise<void> {
    const before = Date.now() - this.#limits.idleMsMax;
    for (const [id, { running, usedAtMs }] of this.#sessions)
      if (running === 0 && usedAtMs < before) await this.#end(id);
  }

  async #end(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    await session?.server.close();
  }
}

function leave(session: Session): void {
  session.running -= 1;
  session.usedAtMs = Date.now();
}

/** The same response; `done` is called once, when its body has ended or nobody wants it any more. */
function whenDone(response: Response, done: () => void): Response {
  if (response.body === null) {
    done();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await reader.read();
        if (!next.done) return controller.enqueue(next.value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      done();
    },
    async cancel(reason) {
      done();
      await reader.cancel(reason);
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

function refusal(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}
