import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { resetStream } from '@sallyport/http2-streams';
import { fail, ok, type Result } from '@sallyport/result';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamExchange, UpstreamFailure, UpstreamRequest, UpstreamResponse } from '../../ports/upstreams.ts';
import { lostOnTheWay } from '../grpc/edges.ts';
import { innerTlsFailure, refusalOf } from './inner-tls.ts';
import { proxyRefusal } from './proxy-refusal.ts';
import { headerRecord, responsePairs } from './upstream-headers.ts';

const streamWindowBytes = 1 << 20;
const connectionWindowBytes = 16 << 20;
/** Beyond it Node resets streams. What the window lets come counts, so the default of 10 would be too little. */
const sessionMemoryMegabytesMax = 64;
const watchEveryMs = 2_500;
/** Silence after which the far end is asked for a sign of life; a slow tool is silent, its proxy is not. */
const silenceMs = 5_000;
const pingMsMax = 8_000;
const idleMsMax = 120_000;

/** What inner TLS runs over; `receivedBytes` grows with every byte that comes. */
export type TunnelStream = Duplex & { readonly receivedBytes: number };

/** One inner TLS connection that carries many calls. A far end that is silent and does not answer a ping is given up. */
export class InnerHttp2 {
  active = 0;
  closed = false;
  readonly #session: ClientHttp2Session;
  readonly #stream: TunnelStream;
  readonly #onClose: () => void;
  readonly #watch: NodeJS.Timeout;
  #failure: UpstreamFailure | undefined;
  #seenBytes = 0;
  #seenAtMs = performance.now();
  #pinging = false;
  #answered = false;

  /** `onClose` is called once, when the connection takes no more calls; those under way may go on. */
  constructor(socket: TLSSocket, stream: TunnelStream, host: string, onClose: () => void) {
    this.#stream = stream;
    this.#onClose = onClose;
    stream.once('error', (error) => {
      this.#failure ??= lostOnTheWay(error);
    });
    this.#session = connect(`https://${host}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
      maxSessionMemory: sessionMemoryMegabytesMax,
    });
    this.#session.once('connect', () => this.#session.setLocalWindowSize(connectionWindowBytes));
    this.#session.on('error', (error) => {
      // TLS 1.3 tells of a refused client certificate only after the handshake has ended for us.
      if (!this.#answered)
        this.#failure ??= refusalOf(error) === 'router_refused' ? innerTlsFailure('router_refused') : undefined;
    });
    this.#session.once('goaway', () => this.#leave());
    this.#session.once('close', () => {
      clearInterval(this.#watch);
      this.#leave();
      stream.destroy();
    });
    // TLS over a stream that is no socket does not notice its end.
    stream.once('close', () => {
      socket.destroy();
      this.#session.destroy();
    });
    this.#watch = setInterval(() => this.#look(), watchEveryMs).unref();
  }

  /** Takes no new calls and ends when the running ones have; until then its far end is watched. */
  retire(): void {
    this.#leave();
    this.#session.close();
  }

  #leave(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onClose();
  }

  destroy(): void {
    this.#session.destroy();
  }

  send(route: Route, request: UpstreamRequest, responseHeadMsMax: number): UpstreamExchange {
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(
        {
          ...headerRecord(request.headers),
          ':method': request.method,
          ':path': request.path,
          ':authority': route.host,
          ':scheme': 'https',
        },
        { endStream: request.body === undefined },
      );
    } catch {
      const failure = this.closed || this.#session.destroyed ? closedBefore : headerNotSendable;
      return { response: Promise.resolve(fail(failure)), cancel: () => undefined };
    }
    this.active += 1;
    stream.once('close', () => {
      this.active -= 1;
    });
    const { body } = request;
    if (body !== undefined) {
      for (const piece of body.slice(0, -1)) stream.write(piece);
      stream.end(body.at(-1));
    }
    return {
      response: this.#response(stream, responseHeadMsMax, !route.routerUnauthenticated),
      cancel: () => resetStream(stream, constants.NGHTTP2_CANCEL),
    };
  }

  #response(
    stream: ClientHttp2Stream,
    responseHeadMsMax: number,
    isOurProxy: boolean,
  ): Promise<Result<UpstreamResponse, UpstreamFailure>> {
    return new Promise((resolve) => {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        resetStream(stream, constants.NGHTTP2_CANCEL);
      }, responseHeadMsMax);
      stream.once('response', (headers, _flags, raw?: readonly string[]) => {
        clearTimeout(timer);
        this.#answered = true;
        const pairs = responsePairs(
          raw ??
            Object.entries(headers).flatMap(([name, value]) =>
              Array.isArray(value) ? value.flatMap((one) => [name, one]) : [name, String(value)],
            ),
        );
        const refusal = isOurProxy ? proxyRefusal(pairs) : undefined;
        if (refusal !== undefined) {
          resetStream(stream, constants.NGHTTP2_CANCEL);
          resolve(fail(refusal));
          return;
        }
        const status = headers[':status'] ?? 0;
        resolve(ok({ status, headers: pairs, body: stream, broken: () => this.#streamFailure(stream, false) }));
      });
      stream.on('error', () => undefined); // `close` follows, and tells
      stream.once('close', () => {
        clearTimeout(timer);
        resolve(fail(this.#streamFailure(stream, late)));
      });
    });
  }

  #streamFailure(stream: ClientHttp2Stream, late: boolean): UpstreamFailure {
    if (late)
      return {
        code: 'upstream_timeout',
        reason: 'response_head_timeout',
        sentence: 'The private MCP server did not begin to answer in time; the call may have taken effect.',
        sent: true,
      };
    if (this.#failure !== undefined) return this.#failure;
    if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      return {
        code: 'stream_lost',
        reason: 'stream_refused',
        sentence: 'The proxy took no more calls on this connection; nothing was sent. Try again.',
        sent: false,
      };
    }
    return {
      code: 'stream_lost',
      reason: `h2_${stream.rstCode ?? 'closed'}`,
      sentence: 'The connection was lost during the call; the call may have taken effect.',
      sent: true,
    };
  }

  #look(): void {
    const nowMs = performance.now();
    if (this.#stream.receivedBytes !== this.#seenBytes) {
      this.#seenBytes = this.#stream.receivedBytes;
      this.#seenAtMs = nowMs;
      return;
    }
    const silentMs = nowMs - this.#seenAtMs;
    if (this.active === 0) {
      if (silentMs > idleMsMax) this.retire();
    } else if (silentMs > silenceMs && !this.#pinging) this.#ping();
  }

  #ping(): void {
    this.#pinging = true;
    const giveUp = setTimeout(() => {
      this.#failure ??= {
        code: 'tunnel_unreachable',
        reason: 'connector_silent',
        sentence: 'The connector has stopped answering; the call may have taken effect.',
        sent: true,
      };
      this.#session.destroy();
    }, pingMsMax).unref();
    const sent = this.#session.ping(() => {
      clearTimeout(giveUp);
      this.#pinging = false;
    });
    if (sent) return;
    clearTimeout(giveUp);
    this.#pinging = false;
  }
}

const closedBefore: UpstreamFailure = {
  code: 'stream_lost',
  reason: 'connection_closed',
  sentence: 'The connection to the private network was closing; nothing was sent. Try again.',
  sent: false,
};

const headerNotSendable: UpstreamFailure = {
  code: 'upstream_malformed',
  reason: 'header_not_sendable',
  sentence: 'A header of the request cannot be sent on; nothing was sent.',
  sent: false,
};
