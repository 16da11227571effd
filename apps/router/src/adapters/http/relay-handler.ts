import type { IncomingMessage } from 'node:http';
import { payloadCommitment, sessionReference } from '@sallyport/audit-events';
import { type InspectedMessage, type MessageEra, spliceTraceContext } from '@sallyport/mcp-wire';
import type { Span, Telemetry } from '@sallyport/telemetry';
import type { BeginCall } from '../../application/begin-call.ts';
import type { CallInFlight } from '../../application/call-in-flight.ts';
import type { CallScope, OpenCalls } from '../../application/open-calls.ts';
import { methodKind } from '../../domain/mcp-method.ts';
import { decide } from '@sallyport/policy';
import type { ClockAndIds } from '../../ports/clock-and-ids.ts';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamExchange, UpstreamFailure, UpstreamResponse, Upstreams } from '../../ports/upstreams.ts';
import type { AcceptedRequest } from './destination.ts';
import { forwardHeaders } from './forward-headers.ts';
import { messageSpan, one, readEra, readMessage } from './read-message.ts';
import { endBroken, relayCall, type RelayedCall } from './relay-call.ts';
import { relayList } from './relay-list.ts';
import { isResourceMetadata, relayMetadata } from './relay-metadata.ts';
import { bodyKind, relayPlain } from './relay-plain.ts';
import { relayServerStream } from './relay-server-stream.ts';
import type { ResumableCalls } from './resumable-calls.ts';

export interface RelayLimits {
  readonly bodyBytesMax: number;
  readonly listBytesMax: number;
  readonly callMsMax: number;
}

/** How long a legacy server may still answer a call after the client has cancelled it. */
const cancelledAnswerMsMax = 5_000;
const successStatusEnd = 300;

/** An authenticated request to a known route. */
export interface RoutedRequest extends AcceptedRequest {
  readonly route: Route;
  readonly path: string;
}

interface Posted extends RoutedRequest {
  readonly body: Buffer;
  readonly message: InspectedMessage;
  readonly era: MessageEra;
  readonly span: Span;
}

/** Relays one MCP request: reads it once, decides, records, sends the original bytes, relays the answer. */
export class RelayHandler {
  readonly #upstreams: Upstreams;
  readonly #beginCall: BeginCall;
  readonly #openCalls: OpenCalls;
  readonly #resumable: ResumableCalls;
  readonly #ids: ClockAndIds;
  readonly #options: {
    readonly limits: RelayLimits;
    readonly commitmentKey: Uint8Array;
    readonly telemetry: Telemetry;
  };

  constructor(
    upstreams: Upstreams,
    calls: { readonly begin: BeginCall; readonly open: OpenCalls; readonly resumable: ResumableCalls },
    ids: ClockAndIds,
    options: { readonly limits: RelayLimits; readonly commitmentKey: Uint8Array; readonly telemetry: Telemetry },
  ) {
    this.#upstreams = upstreams;
    this.#beginCall = calls.begin;
    this.#openCalls = calls.open;
    this.#resumable = calls.resumable;
    this.#ids = ids;
    this.#options = options;
  }

  /** A legacy stream (GET) or the end of a legacy session (DELETE): no body, nothing to decide on. */
  async withoutBody(request: RoutedRequest): Promise<void> {
    const { incoming, client } = request;
    const span = this.#span(`mcp ${incoming.method}`, request, undefined);
    const exchange = this.#send(request, undefined, span);
    client.onGone(() => exchange.cancel());
    const response = await exchange.response;
    span.end(response.ok ? undefined : response.reason.code);
    if (!response.ok) return client.error(failureOf(response.reason));
    if (incoming.method === 'GET' && response.value.status < successStatusEnd)
      return isResourceMetadata(request.path)
        ? relayMetadata(response.value, client)
        : this.#serverStream(request, response.value);
    return relayPlain(response.value, client);
  }

  /** A GET opens a stream of the protocol, or reads the metadata that authorization begins with: no policy lets a client read the private server's pages. */
  async #serverStream(request: RoutedRequest, upstream: UpstreamResponse): Promise<void> {
    const { client, route, memory } = request;
    if (bodyKind(upstream) !== 'event_stream') {
      upstream.body.destroy();
      return client.error({ code: 'upstream_malformed', data: { reason: 'not_an_event_stream' } });
    }
    const scope = scopeOf(request);
    const stream = {
      route,
      memory,
      eventBytesMax: this.#options.limits.listBytesMax,
      callOf: (idKey: string) => this.#openCalls.find(scope, idKey)[0],
      onAnswered: (call: CallInFlight) => this.#resumable.answered(call),
      resultFacts: (call: CallInFlight, message: Uint8Array) => {
        const commitment = this.#commitResult(call.record.subject.callId);
        commitment.update(message);
        return { result: commitment.finish() };
      },
    };
    return relayServerStream(stream, upstream, client);
  }

  /** What is still open ends here and now: this router will not see its answer. */
  async stop(): Promise<void> {
    const end = { status: 'transport_error', code: 'router_stopped', effect: 'unknown' } as const;
    await Promise.all(this.#openCalls.all().map((call) => call.end('failed', end)));
  }

  async posted(request: RoutedRequest, body: Buffer): Promise<void> {
    const { incoming, client } = request;
    const inspected = readMessage(body, this.#options.limits.bodyBytesMax);
    if (!inspected.ok) return client.error(inspected.reason);
    const message = inspected.value;
    const era = readEra(incoming, message);
    if (!era.ok) return client.error(era.reason);
    const span = this.#span(message.method ?? 'mcp response', request, message);
    const posted: Posted = { ...request, body, message, era: era.value, span };
    const kind = message.method === undefined ? 'open' : methodKind(message.method);
    if (kind === 'call' && message.kind === 'request') return this.#call(posted).finally(() => span.end());
    return this.#other(posted, kind).finally(() => span.end());
  }

  async #other(posted: Posted, kind: ReturnType<typeof methodKind>): Promise<void> {
    const { message, route, client } = posted;
    const { method = '', id } = message;
    const { tunnelId, tunnelDomain, server, policy } = route;
    const isRuled = kind === 'ruled' || kind === 'call'; // a tool call without an id asks for an effect that nobody could answer for
    if (
      isRuled &&
      (kind === 'call' ||
        decide(policy, { tunnelId, tunnelDomain, server, method, name: message.target?.value ?? '' }).effect === 'deny')
    ) {
      return client.error({ code: 'denied_by_policy', id, data: { method } });
    }
    if (message.cancelledId !== undefined && posted.era.era === 'legacy') {
      const [call, another] = this.#openCalls.find(scopeOf(posted), message.cancelledId.key);
      if (another === undefined) call?.requestCancel(); // it may be meant for either, and one of them is somebody else's
    }
    const exchange = this.#send(posted, [posted.body], posted.span);
    // Modern: a client that goes away has cancelled. Legacy: it has not, but nothing runs for it for ever.
    let lingering: NodeJS.Timeout | undefined;
    client.onGone(() => {
      if (posted.era.era === 'modern') exchange.cancel();
      else lingering = setTimeout(() => exchange.cancel(), this.#options.limits.callMsMax).unref();
    });
    try {
      const response = await exchange.response;
      if (!response.ok) return client.error({ id, ...failureOf(response.reason) });
      if (kind !== 'list' || id === undefined) return await relayPlain(response.value, client);
      const list = { method, route, id, memory: posted.memory, listBytesMax: this.#options.limits.listBytesMax };
      return await relayList(list, response.value, client);
    } finally {
      clearTimeout(lingering);
      client.stopKeepAlive();
    }
  }

  async #call(posted: Posted): Promise<void> {
    const { message, route, span, client } = posted;
    const callId = this.#ids.callId();
    client.nameCall(callId);
    const { id, target } = message;
    if (id === undefined || target === undefined)
      return client.error({ code: 'invalid_params', id, sentence: 'A tool call needs `params.name`.' });
    span.set({
      'sallyport.call.id': callId,
      'gen_ai.tool.name': target.value.slice(0, 256),
      'sallyport.tunnel.id': route.tunnelId,
    });
    const sessionId = sessionOf(posted.incoming);
    const { commitmentKey } = this.#options;
    const begun = await this.#beginCall.run({
      callId,
      route,
      toolName: target.value,
      jsonrpcId: id,
      era: posted.era.era,
      protocolVersion: posted.era.version ?? '2025-03-26',
      sessionId,
      sessionReference: sessionId === undefined ? undefined : sessionReference(commitmentKey, route.host, sessionId),
      clientIp: posted.clientIp,
      traceparent: span.context.traceparent,
      arguments: this.#argumentsCommitment(callId, posted),
    });
    if (!begun.ok) {
      if (begun.reason.kind === 'unrecorded') return client.error({ code: 'audit_unavailable', id });
      const { ruleId, reason } = begun.reason.answer;
      return client.error({ code: 'denied_by_policy', id, data: { reason, ruleId, callId } });
    }
    const call = begun.value;
    if (posted.era.era === 'modern' && client.gone) {
      await call.end('cancelled', { status: 'client_gone', effect: 'none' });
      return;
    }
    try {
      await this.#dispatch(posted, { call, id, callId });
    } catch (error) {
      // A call that nobody ends would be renewed for ever.
      await call.end('failed', { status: 'transport_error', code: 'router_failed', effect: 'unknown' });
      throw error;
    }
  }

  async #dispatch(
    posted: Posted,
    begun: { readonly call: CallInFlight; readonly id: NonNullable<InspectedMessage['id']>; readonly callId: string },
  ): Promise<void> {
    const { call, id, callId } = begun;
    const { body, message, span, client } = posted;
    const spliced = spliceTraceContext(body, message, span.context);
    const exchange = this.#send(posted, spliced.pieces, span);
    const scope = scopeOf(posted);
    const relayed: RelayedCall = {
      call,
      id,
      era: posted.era.era,
      commitResult: () => this.#commitResult(callId),
      otherCall: (idKey) => this.#openCalls.find(scope, idKey).find((candidate) => candidate !== call),
      awaitResumption: () => this.#resumable.add(call),
    };
    const stopWaiting = this.#endEarly(posted, { call, exchange, id });
    try {
      const response = await exchange.response;
      if (response.ok) await relayCall(relayed, response.value, client);
      else {
        const failure = failureOf(response.reason);
        const verdict = await endBroken(relayed, response.reason);
        if (verdict === 'withheld') client.error({ code: 'outcome_unrecorded', id, data: { callId } });
        else client.error({ ...failure, id, data: { ...failure.data, callId } });
      }
    } finally {
      stopWaiting();
      client.stopKeepAlive();
    }
  }

  /** What ends a call before its answer: the deadline, a cancellation, a client that goes away. */
  #endEarly(
    posted: Posted,
    running: {
      readonly call: CallInFlight;
      readonly exchange: UpstreamExchange;
      readonly id: NonNullable<InspectedMessage['id']>;
    },
  ): () => void {
    const { client } = posted;
    const { call, exchange, id } = running;
    const forwarded = { cancelForwarded: true };
    const deadline = setTimeout(() => {
      const end = { status: 'deadline', code: 'call_deadline', effect: 'unknown' } as const;
      void call.end('timed_out', end, forwarded).then((verdict) => {
        exchange.cancel();
        // An answer that was first is on its way.
        if (verdict !== 'ended_before')
          client.error({ code: verdict === 'recorded' ? 'upstream_timeout' : 'outcome_unrecorded', id });
      });
    }, this.#options.limits.callMsMax);
    let cancelled: NodeJS.Timeout | undefined;
    call.onCancelRequest(() => {
      // A server answers a cancelled request with silence, and may leave its stream open for good.
      cancelled = setTimeout(() => {
        const end = { status: 'client_cancelled', effect: 'unknown' } as const;
        void call.end('cancelled', end, forwarded).then(() => exchange.cancel());
      }, cancelledAnswerMsMax);
    });
    if (posted.era.era === 'modern') {
      client.onGone(() => {
        exchange.cancel();
        void call.end('cancelled', { status: 'client_gone', effect: 'unknown' }, forwarded);
      });
    }
    return () => {
      clearTimeout(deadline);
      clearTimeout(cancelled);
    };
  }

  #commitResult(callId: string): ReturnType<typeof payloadCommitment> {
    return payloadCommitment(this.#options.commitmentKey, callId, 'result');
  }

  #argumentsCommitment(callId: string, { body, message }: Posted): { commitment: string; bytes: number } {
    const commitment = payloadCommitment(this.#options.commitmentKey, callId, 'arguments');
    if (message.arguments !== undefined)
      commitment.update(body.subarray(message.arguments.start, message.arguments.end));
    return commitment.finish();
  }

  #send(request: RoutedRequest, body: readonly Uint8Array[] | undefined, span: Span): UpstreamExchange {
    const headers = forwardHeaders(request.incoming.rawHeaders, request.credential);
    headers.push(['traceparent', span.context.traceparent]);
    if (span.context.tracestate !== undefined) headers.push(['tracestate', span.context.tracestate]);
    if (body !== undefined)
      headers.push(['content-length', String(body.reduce((sum, piece) => sum + piece.length, 0))]);
    return this.#upstreams.send(request.route, {
      method: request.incoming.method ?? 'POST',
      path: request.path,
      headers,
      body,
      clientIp: request.clientIp,
    });
  }

  #span(name: string, request: RoutedRequest, message: InspectedMessage | undefined): Span {
    const span = messageSpan(this.#options.telemetry, name, request.incoming, message);
    span.set({ 'server.address': request.route.host });
    return span;
  }
}

function failureOf({ code, sentence, reason }: UpstreamFailure) {
  return { code, sentence, data: { reason } };
}

function scopeOf({ route, incoming, clientIp }: RoutedRequest): CallScope {
  return { route, sessionId: sessionOf(incoming), clientIp };
}

function sessionOf(incoming: IncomingMessage): string | undefined {
  return one(incoming.headers['mcp-session-id']);
}
