import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { constants } from 'node:http2';

import {
  decodeResponseHeaders,
  decodeResponseMeta,
  forwardableResponseHeaders,
  type HeaderPair,
  responseHeadersHeader,
  responseMetaHeader,
} from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import { type Span, SpanRole } from '@sallyport/telemetry';

import type { ConnectorConnection } from '../http2/connector-connection.ts';
import { resetStream } from '@sallyport/http2-streams';
import type { StreamDependencies } from './byte-stream-call.ts';
import { callTrace } from './call-trace.ts';
import { connectorRequestHeaders, headRefusal } from './http-request-headers.ts';
import { type StreamFailure, streamFailure } from './stream-failure.ts';

type Call = ServerDuplexStream<tunnel.SendHttpRequestRequest, tunnel.SendHttpRequestResponse>;

/** `tunnel.proto`: at most 64 KiB a message. */
const messageBytesMax = 64 * 1024;

/** One `SendHttpRequest` call: an HTTP request in transport mode, streamed both ways with back-pressure, aborted both ways. */
export class HttpRequestCall {
  readonly #dependencies: StreamDependencies;
  readonly #call: Call;
  #span: Span | undefined;
  #head: tunnel.HttpRequestHead | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connection: ConnectorConnection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #responded = false;
  #over = false;

  constructor(dependencies: StreamDependencies, call: Call) {
    this.#dependencies = dependencies;
    this.#call = call;
    this.#timer = setTimeout(() => this.#fail('open_missing'), dependencies.streams.openTimeoutMs);
    call.on('data', (request: tunnel.SendHttpRequestRequest) => this.#receive(request));
    call.on('end', () => this.#routerEnded());
    call.on('cancelled', () => this.#finish('cancelled'));
    call.on('error', () => this.#finish('cancelled'));
  }

  #receive(request: tunnel.SendHttpRequestRequest): void {
    const { message } = request;
    if (this.#over) return;
    if (this.#head === undefined) {
      if (message?.$case !== 'head') return this.#fail('open_missing');
      return this.#begin(message.value);
    }
    if (message?.$case !== 'data' || this.#head.endOfBody) return this.#fail('message_unexpected');
    if (message.value.length > 0 && this.#stream?.write(message.value) === false) this.#call.pause();
  }

  #begin(head: tunnel.HttpRequestHead): void {
    this.#head = head;
    clearTimeout(this.#timer);
    const { telemetry } = this.#dependencies;
    const span = telemetry.span('edge.http_request', SpanRole.server, callTrace(this.#call.metadata), {
      'sallyport.tunnel_id': head.tunnelId,
      'http.request.method': head.method,
    });
    this.#span = span;
    const refusal = headRefusal(head);
    if (refusal !== undefined) return this.#fail(refusal);
    const opened = this.#openStream(head, span);
    if (typeof opened === 'string') return this.#fail(opened);
    const { responseHeaderTimeoutMs } = this.#dependencies.streams;
    if (!head.websocket) this.#timer = setTimeout(() => this.#noResponse(), responseHeaderTimeoutMs);
    else this.#timer = setTimeout(() => this.#noResponse(), Math.min(responseHeaderTimeoutMs, 30_000));
    this.#pipe(opened);
  }

  #openStream(head: tunnel.HttpRequestHead, span: Span): ClientHttp2Stream | StreamFailure {
    const { connections } = this.#dependencies;
    const tried = new Set<ConnectorConnection>();
    const headers = connectorRequestHeaders(head, span.context);
    let failure: StreamFailure = 'no_connector';
    for (;;) {
      const connection = connections.pick(head.tunnelId, tried);
      if (connection === undefined) return failure;
      tried.add(connection);
      const opened = connection.open(headers, head.endOfBody);
      if (opened.ok) {
        this.#connection = connection;
        return opened.value;
      }
      if (opened.reason === 'header-malformed') return 'header_malformed';
      failure = opened.reason === 'too-many-streams' ? 'too_many_streams' : 'connector_lost_before_send';
    }
  }

  #pipe(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.on('error', () => undefined);
    stream.on('drain', () => this.#call.resume());
    stream.once('response', (headers) => {
      this.#respond(headers);
      // Only now: Node tells of a head a tick later than of data that came with it, and data without a listener waits.
      stream.on('data', (chunk: Buffer) => this.#deliver(chunk));
      this.#call.on('drain', () => stream.resume());
    });
    stream.once('trailers', (trailers) => {
      if (this.#over || !this.#responded) return;
      this.#call.write({ message: { $case: 'trailers', value: { headers: toHeaders(pairsOf(trailers)) } } });
    });
    // A complete answer ends the call even while the request is still coming: the rest of it is not wanted.
    stream.once('end', () => {
      if (this.#head?.websocket !== true) this.#endIfComplete(stream);
    });
    stream.once('close', () => this.#streamClosed(stream));
  }

  #respond(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    const decoded = decodeResponseHeaders(String(headers[responseHeadersHeader] ?? ''));
    if (!decoded.ok) return this.#fail('response_malformed');
    const meta = decodeResponseMeta(headers[responseMetaHeader]?.toString());
    const accepted = decoded.value.some(([name]) => name.toLowerCase() === 'sec-websocket-accept');
    const upgraded = this.#head?.websocket === true && accepted;
    const pairs = forwardableResponseHeaders(decoded.value, upgraded);
    // Our own connector says in this header why it did not ask the service.
    const reason = headers['sallyport-reason'];
    const fromConnector = meta.source === 'connector';
    if (fromConnector && typeof reason === 'string') pairs.push(['sallyport-reason', reason]);
    this.#responded = true;
    const status = upgraded ? 101 : (headers[':status'] ?? 502);
    this.#call.write({ message: { $case: 'head', value: { status, headers: toHeaders(pairs), fromConnector } } });
  }

  #deliver(chunk: Buffer): void {
    if (this.#over) return;
    let wantsMore = true;
    for (let at = 0; at < chunk.length; at += messageBytesMax) {
      const value = chunk.length <= messageBytesMax ? chunk : chunk.subarray(at, at + messageBytesMax);
      wantsMore = this.#call.write({ message: { $case: 'data', value } });
    }
    if (!wantsMore) this.#stream?.pause();
  }

  #routerEnded(): void {
    if (this.#over) return;
    if (this.#stream === undefined) return this.#fail('open_missing');
    if (!this.#stream.writableEnded) this.#stream.end();
  }

  #streamClosed(stream: ClientHttp2Stream): void {
    if (this.#over) return;
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    if (refused) return this.#fail('connector_lost_before_send');
    if (this.#connection?.ended !== undefined) return this.#fail('connector_lost');
    this.#endIfComplete(stream);
    this.#fail('stream_reset');
  }

  /** Whole only where END_STREAM came: a cut stream ends with a code, a lost connection with its own end. */
  #endIfComplete(stream: ClientHttp2Stream): void {
    const cut = stream.rstCode !== constants.NGHTTP2_NO_ERROR || this.#connection?.ended !== undefined;
    if (this.#over || cut || !this.#responded || !stream.readableEnded || stream.session?.destroyed === true) return;
    this.#call.end();
    this.#finish('ended');
  }

  #noResponse(): void {
    this.#connection?.probe();
    this.#fail('response_header_timeout');
  }

  #fail(failure: StreamFailure): void {
    if (this.#over) return;
    this.#finish(failure);
    this.#call.emit('error', streamFailure(failure));
  }

  #finish(outcome: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    const stream = this.#stream;
    if (stream !== undefined) resetStream(stream, constants.NGHTTP2_CANCEL);
    this.#dependencies.signals.streamEnded('http', outcome);
    this.#span?.end(outcome === 'ended' || outcome === 'cancelled' ? undefined : outcome);
  }
}

function pairsOf(headers: IncomingHttpHeaders): HeaderPair[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (name.startsWith(':') || value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((each): HeaderPair => [name, each]);
  });
}

function toHeaders(pairs: readonly HeaderPair[]): tunnel.HttpHeader[] {
  return pairs.map(([name, value]) => ({ name, value }));
}
