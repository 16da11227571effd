import { type IncomingMessage, request as httpRequest } from 'node:http';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

import {
  encodeResponseHeaders,
  forwardableResponseHeaders,
  type HeaderPair,
  originMeta,
  responseHeadersHeader,
  responseMetaHeader,
} from '@sallyport/connector-wire';
import { SpanRole, type Telemetry } from '@sallyport/telemetry';

import { OriginUnreachable } from '../origin/origin-dialer.ts';
import type { OriginForwarder } from '../origin/origin-forwarder.ts';
import { originRequestHeaders } from '../origin/origin-request-headers.ts';
import { resetStream } from '@sallyport/http2-streams';
import { refuseStream, TunnelExchange } from './tunnel-exchange.ts';

/** A WebSocket request in transport mode: upgrades at the service, then raw bytes both ways (spec §3.3). */
export async function forwardWebsocket(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  forwarder: OriginForwarder,
  telemetry: Telemetry,
): Promise<void> {
  const exchange = new TunnelExchange(stream, headers);
  const origin = forwarder.originFor(exchange.host, exchange.path);
  // A rule with a fixed status, or no rule at all: an ordinary answer.
  if (origin === undefined) return forwarder.forward(exchange);
  const span = telemetry.span('connector.websocket', SpanRole.client, exchange.trace);
  const pairs = originRequestHeaders(exchange, origin.rule.originRequest.httpHostHeader, span.context);
  let socket;
  try {
    socket = await origin.dialer.dial(origin.dialer.serverName(exchange.host));
  } catch (error) {
    const refusal = error instanceof OriginUnreachable ? error.refusal : 'upstream_unreachable';
    span.end(refusal);
    return refuseStream(stream, refusal);
  }
  if (stream.destroyed) {
    socket.destroy();
    return span.end();
  }
  const request = httpRequest({
    method: 'GET',
    path: exchange.path,
    headers: [...pairs, ['connection', 'Upgrade'], ['upgrade', 'websocket'], ['sec-websocket-version', '13']]
      .filter(([name], index) => name !== 'sec-websocket-version' || index >= pairs.length)
      .flat(),
    // Without an agent, which would keep or share it.
    createConnection: () => socket,
  });
  stream.once('close', () => {
    socket.destroy();
    span.end();
  });
  request.on('error', () => refuseStream(stream, 'upstream_closed'));
  request.once('upgrade', (response: IncomingMessage, upgraded: Duplex, head: Buffer) => {
    join(stream, response, upgraded, head);
  });
  request.once('response', (response) => answerOrdinarily(exchange, response));
  request.end();
}

function join(stream: ServerHttp2Stream, response: IncomingMessage, upgraded: Duplex, head: Buffer): void {
  const block = encodeResponseHeaders(rawPairs(response));
  if (!block.ok || stream.destroyed) {
    upgraded.destroy();
    return refuseStream(stream, 'response_headers_too_large');
  }
  stream.respond({ ':status': 200, [responseHeadersHeader]: block.value, [responseMetaHeader]: originMeta });
  if (head.length > 0) stream.write(head);
  upgraded.on('error', () => resetStream(stream, constants.NGHTTP2_INTERNAL_ERROR));
  upgraded.pipe(stream);
  stream.pipe(upgraded);
}

/** The service did not upgrade: its answer goes back as it is. */
function answerOrdinarily(exchange: TunnelExchange, response: IncomingMessage): void {
  const refusal = exchange.respond(
    response.statusCode ?? 502,
    forwardableResponseHeaders(rawPairs(response), false),
    false,
  );
  if (refusal !== undefined) {
    response.destroy();
    return exchange.refuse(refusal);
  }
  response.on('data', (chunk: Buffer) => {
    if (!exchange.write(chunk)) response.pause();
  });
  exchange.onDrain(() => response.resume());
  response.once('end', () => exchange.end([]));
  response.once('error', () => exchange.refuse('upstream_closed'));
}

function rawPairs(response: IncomingMessage): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (let index = 0; index + 1 < response.rawHeaders.length; index += 2) {
    pairs.push([response.rawHeaders[index] ?? '', response.rawHeaders[index + 1] ?? '']);
  }
  return pairs;
}
