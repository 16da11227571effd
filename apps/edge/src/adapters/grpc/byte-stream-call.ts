import type { ServerDuplexStream } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader, OutgoingHttpHeaders } from 'node:http2';
import { constants } from 'node:http2';

import {
  decodeResponseHeaders,
  rawStreamHeader,
  responseHeadersHeader,
  upgradeHeader,
  websocketAccept,
} from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import { type Span, SpanRole, type Telemetry } from '@sallyport/telemetry';

import type { StreamsConfig } from '../../config.ts';
import type { EdgeSignals } from '../../signals.ts';
import type { ConnectorConnection } from '../http2/connector-connection.ts';
import type { LiveConnections } from '../http2/live-connections.ts';
import { resetStream } from '@sallyport/http2-streams';
import { type ByteStreamFraming, RawFraming, WebsocketFraming } from './byte-stream-framing.ts';
import { callTrace } from './call-trace.ts';
import { hostRefusal } from './requested-host.ts';
import { type StreamFailure, streamFailure } from './stream-failure.ts';

export interface StreamDependencies {
  readonly connections: LiveConnections;
  readonly signals: EdgeSignals;
  readonly telemetry: Telemetry;
  readonly streams: StreamsConfig;
}

type Call = ServerDuplexStream<tunnel.OpenByteStreamRequest, tunnel.OpenByteStreamResponse>;

/** Connections that one stream is tried on before the router hears of it; nothing of the caller's is sent before one answers. */
const attemptsMax = 3;
/** `tunnel.proto`: at most 64 KiB a message. */
const messageBytesMax = 64 * 1024;

/**
 * One `OpenByteStream` call: a byte stream of the router, piped to a stream of a connector. Nothing is held but what Node's stream windows
 * hold; either side's back-pressure stops the other. The payload is opaque: it is never looked at, kept or logged.
 */
export class ByteStreamCall {
  readonly #dependencies: StreamDependencies;
  readonly #call: Call;
  readonly #tried = new Set<ConnectorConnection>();
  #span: Span | undefined;
  #open: tunnel.ByteStreamOpen | undefined;
  #openTimer: NodeJS.Timeout | undefined;
  #connection: ConnectorConnection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #framing: ByteStreamFraming | undefined;
  #over = false;

  constructor(dependencies: StreamDependencies, call: Call) {
    this.#dependencies = dependencies;
    this.#call = call;
    this.#openTimer = setTimeout(() => this.#fail('open_missing'), dependencies.streams.openTimeoutMs);
    call.on('data', (request: tunnel.OpenByteStreamRequest) => this.#receive(request));
    call.on('end', () => this.#routerEnded());
    call.on('cancelled', () => this.#finish('cancelled'));
    call.on('error', () => this.#finish('cancelled'));
  }

  #receive(request: tunnel.OpenByteStreamRequest): void {
    const { message } = request;
    if (this.#over) return;
    if (this.#open === undefined) {
      if (message?.$case !== 'open') return this.#fail('open_missing');
      return this.#begin(message.value);
    }
    if (message?.$case !== 'data') return this.#fail('message_unexpected');
    const { value } = message;
    if (value.length === 0 || this.#framing === undefined || this.#stream === undefined) return;
    if (!this.#stream.write(this.#framing.wrap(value))) this.#call.pause();
  }

  #begin(open: tunnel.ByteStreamOpen): void {
    this.#open = open;
    // Until a connector took the stream the router's bytes stay on its side: so another connector may still be tried.
    this.#call.pause();
    const { telemetry } = this.#dependencies;
    this.#span = telemetry.span('edge.byte_stream', SpanRole.server, callTrace(this.#call.metadata), {
      'sallyport.tunnel_id': open.tunnelId,
    });
    const refusal = hostRefusal(open.host);
    if (refusal !== undefined) return this.#fail(refusal);
    this.#attempt('no_connector');
  }

  /** Tries the next connection; `failure` is what the router hears where there is none. */
  #attempt(failure: StreamFailure): void {
    const { connections, streams } = this.#dependencies;
    clearTimeout(this.#openTimer);
    const open = this.#open;
    const connection =
      open === undefined || this.#tried.size >= attemptsMax ? undefined : connections.pick(open.tunnelId, this.#tried);
    if (open === undefined || connection === undefined) return this.#fail(failure);
    this.#tried.add(connection);
    const key = connection.rawStreams ? '' : randomBytes(16).toString('base64');
    const opened = connection.open(openHeaders(open.host, key), false);
    if (!opened.ok) {
      if (opened.reason === 'header-malformed') return this.#fail('header_malformed');
      return this.#attempt(opened.reason === 'too-many-streams' ? 'too_many_streams' : 'connector_lost_before_send');
    }
    const stream = opened.value;
    this.#openTimer = setTimeout(() => {
      connection.probe();
      this.#abandon(stream);
      this.#attempt('connector_open_timeout');
    }, streams.openTimeoutMs);
    this.#stream = stream;
    this.#connection = connection;
    stream.on('error', () => undefined);
    stream.once('response', (headers) => {
      if (this.#stream === stream) this.#answered(stream, connection, headers, key);
    });
    stream.once('close', () => {
      if (this.#stream !== stream || this.#over) return;
      if (this.#framing !== undefined) return this.#streamClosed(stream);
      this.#attempt(connection.ended === undefined ? 'connector_refused' : 'connector_lost_before_send');
    });
  }

  #answered(
    stream: ClientHttp2Stream,
    connection: ConnectorConnection,
    headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
    key: string,
  ): void {
    const accepted = key === '' ? headers[':status'] === 200 : acceptsWebsocket(headers, key);
    if (!accepted) {
      this.#abandon(stream);
      return this.#attempt(key === '' ? 'connector_refused' : 'byte_stream_not_accepted');
    }
    clearTimeout(this.#openTimer);
    const { connectorId, connectionIndex } = connection;
    this.#call.write({ message: { $case: 'opened', value: { connectorId, connectionIndex } } });
    const deliver = (bytes: Buffer) => this.#deliver(bytes);
    const framing = key === '' ? new RawFraming(deliver) : new WebsocketFraming(deliver, (frame) => this.#reply(frame));
    this.#framing = framing;
    stream.on('data', (chunk: Buffer) => {
      if (!framing.unwrap(chunk)) this.#framingOver(framing);
    });
    stream.on('drain', () => this.#call.resume());
    this.#call.on('drain', () => stream.resume());
    this.#call.resume();
  }

  #deliver(bytes: Buffer): void {
    let wantsMore = true;
    for (let at = 0; at < bytes.length; at += messageBytesMax) {
      const value = bytes.length <= messageBytesMax ? bytes : bytes.subarray(at, at + messageBytesMax);
      wantsMore = this.#call.write({ message: { $case: 'data', value } });
    }
    if (!wantsMore) this.#stream?.pause();
  }

  /** Pongs. A peer that pings without reading is cut, not buffered for. */
  #reply(frame: Buffer): void {
    if (this.#stream !== undefined && this.#stream.writableLength < messageBytesMax) this.#stream.write(frame);
  }

  #framingOver(framing: ByteStreamFraming): void {
    if (framing instanceof WebsocketFraming && framing.closed) {
      this.#call.end();
      return this.#finish('ended');
    }
    this.#fail('framing_malformed');
  }

  #routerEnded(): void {
    if (this.#over) return;
    const stream = this.#stream;
    if (stream === undefined || this.#framing === undefined) return this.#fail('open_missing');
    const goodbye = this.#framing.goodbye();
    if (goodbye === undefined) stream.end();
    else stream.end(goodbye);
  }

  #streamClosed(stream: ClientHttp2Stream): void {
    if (this.#connection?.ended !== undefined) return this.#fail('connector_lost');
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || stream.aborted) return this.#fail('stream_reset');
    this.#call.end();
    this.#finish('ended');
  }

  #fail(failure: StreamFailure): void {
    if (this.#over) return;
    this.#finish(failure);
    this.#call.emit('error', streamFailure(failure));
  }

  #finish(outcome: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#openTimer);
    if (this.#stream !== undefined) this.#abandon(this.#stream);
    this.#dependencies.signals.streamEnded('byte_stream', outcome);
    this.#span?.end(outcome === 'ended' || outcome === 'cancelled' ? undefined : outcome);
  }

  #abandon(stream: ClientHttp2Stream): void {
    if (this.#stream === stream) this.#stream = undefined;
    resetStream(stream, constants.NGHTTP2_CANCEL);
  }
}

function openHeaders(host: string, key: string): OutgoingHttpHeaders {
  const headers = {
    ':method': 'GET',
    ':path': '/',
    ':scheme': 'https',
    ':authority': host,
    [upgradeHeader]: 'websocket',
  };
  if (key === '') return { ...headers, [rawStreamHeader]: '1' };
  return { ...headers, 'sec-websocket-key': key, 'sec-websocket-version': '13', 'accept-encoding': 'identity' };
}

/** The status is 200 either way: the accept key decides (spec §3.3). */
function acceptsWebsocket(headers: IncomingHttpHeaders, key: string): boolean {
  const decoded = decodeResponseHeaders(String(headers[responseHeadersHeader] ?? ''));
  if (!decoded.ok) return false;
  const accept = decoded.value.find(([name]) => name.toLowerCase() === 'sec-websocket-accept');
  return accept?.[1] === websocketAccept(key);
}
