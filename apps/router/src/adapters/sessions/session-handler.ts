import { createMcpHandler, type McpHttpHandler, type McpRequestContext } from '@modelcontextprotocol/server';
import { type GatewayErrorInput, type InspectedMessage, parseJsonRpcId } from '@sallyport/mcp-wire';
import type { Logger, Telemetry } from '@sallyport/telemetry';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';
import type { SessionScope, SessionTools } from '../../ports/session-tools.ts';
import type { AcceptedRequest } from '../http/destination.ts';
import { messageSpan, one, readEra, readMessage } from '../http/read-message.ts';
import { RunningCalls } from './running-calls.ts';
import { SessionExchange } from './session-exchange.ts';
import { sessionServer } from './session-server.ts';
import { writeAnswer } from './write-answer.ts';

/** How long calls that the router's stop has cancelled may take to be answered. */
const stopMsMax = 1_000;
const forwardedHeaders = ['accept', 'mcp-protocol-version', 'mcp-method', 'mcp-name'] as const;
/** Where a client begins: it should not learn only at its first call that there is nothing here. */
const openings: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/** Serves the tools of sessions with the official SDK, both eras on one URL. Bodies are read and bounded before it sees them. */
export class SessionHandler {
  readonly #tools: SessionTools;
  readonly #ids: ClockAndIds;
  readonly #log: Logger;
  readonly #options: { readonly bodyBytesMax: number; readonly telemetry: Telemetry };
  readonly #running = new RunningCalls();
  readonly #exchanges = new WeakMap<Request, SessionExchange>();
  readonly #answering = new Set<Promise<void>>();
  /** A tool call always streams: it may run for long, and what is silent for long is cut on the way. */
  readonly #calls: McpHttpHandler;
  readonly #others: McpHttpHandler;

  constructor(
    tools: SessionTools,
    ids: ClockAndIds,
    log: Logger,
    options: { readonly bodyBytesMax: number; readonly telemetry: Telemetry },
  ) {
    this.#tools = tools;
    this.#ids = ids;
    this.#log = log;
    this.#options = options;
    const factory = (context: McpRequestContext) => this.#server(context);
    this.#calls = createMcpHandler(factory, { responseMode: 'sse' });
    this.#others = createMcpHandler(factory);
  }

  async posted(request: AcceptedRequest, scope: SessionScope, body: Buffer): Promise<void> {
    const { client, incoming } = request;
    const inspected = readMessage(body, this.#options.bodyBytesMax);
    if (!inspected.ok) return client.error(inspected.reason);
    const message = inspected.value;
    const isCall = message.kind === 'request' && message.method === 'tools/call';
    const callId = isCall ? this.#ids.callId() : '';
    if (isCall) client.nameCall(callId);
    const era = readEra(incoming, message);
    const refused = era.ok ? inexactId(message) : era.reason;
    if (!era.ok || refused !== undefined) return client.error(refused ?? { code: 'internal' });
    const span = messageSpan(this.#options.telemetry, message.method ?? 'mcp response', incoming, message);
    span.set({ 'sallyport.session.id': scope.sessionId, ...(isCall ? { 'sallyport.call.id': callId } : {}) });
    const exchange = new SessionExchange({ request, scope, body, message, era: era.value, span, callId });
    const answering = this.#answer(exchange, isCall).finally(() => {
      this.#answering.delete(answering);
      exchange.memory.release();
      span.end(exchange.failure?.code);
    });
    this.#answering.add(answering);
    return answering;
  }

  /** Cancels what still runs, and lets its clients know. */
  async stop(): Promise<void> {
    for (const call of this.#running.all()) call.cancel();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, stopMsMax);
    await Promise.race([Promise.allSettled(this.#answering), promise]);
    clearTimeout(timer);
  }

  async #answer(exchange: SessionExchange, isCall: boolean): Promise<void> {
    const { message, era, scope } = exchange;
    const { client } = exchange.request;
    if (message.cancelledId !== undefined && era.era === 'legacy') this.#running.cancel(scope, message.cancelledId.key);
    if (openings.has(message.method ?? '')) {
      const listed = await this.#tools.list(scope);
      if (!listed.ok) exchange.failWith(listed.reason);
      if (exchange.failure !== undefined) return client.error(exchange.failure);
    }
    // The SDK ends a modern exchange with its client. A legacy one goes on to its end.
    const left = new AbortController();
    if (era.era === 'modern') client.onGone(() => left.abort());
    const request = webRequest(exchange, left.signal);
    this.#exchanges.set(request, exchange);
    const parsedBody: unknown = JSON.parse(exchange.body.toString());
    const response = await (isCall ? this.#calls : this.#others).fetch(request, { parsedBody });
    await writeAnswer(response, client, () => exchange.failure);
  }

  #server({ requestInfo }: McpRequestContext) {
    const exchange = requestInfo === undefined ? undefined : this.#exchanges.get(requestInfo);
    if (exchange === undefined) throw new Error('the SDK asked for the server of a request that it was not given');
    return sessionServer(exchange, { tools: this.#tools, running: this.#running, log: this.#log });
  }
}

/** The SDK answers with the id as JavaScript reads it: one that JavaScript cannot hold would not be the client's any more. */
function inexactId({ id }: InspectedMessage): GatewayErrorInput | undefined {
  if (id === undefined || parseJsonRpcId(JSON.stringify(JSON.parse(id.raw)))?.key === id.key) return undefined;
  const sentence = 'The id is beyond the integers that every JSON parser holds exactly.';
  return { code: 'invalid_message', id, sentence, data: { reason: 'id_invalid' } };
}

function webRequest({ request, scope }: SessionExchange, signal: AbortSignal): Request {
  const headers: [string, string][] = [['content-type', 'application/json']];
  for (const name of forwardedHeaders) {
    const value = one(request.incoming.headers[name]);
    if (value !== undefined) headers.push([name, value]);
  }
  return new Request(`http://router/v1/sessions/${scope.sessionId}/mcp`, { method: 'POST', headers, signal });
}
