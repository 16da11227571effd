import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { fail, ok, type Result } from '@sallyport/result';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamExchange, UpstreamFailure, UpstreamRequest, UpstreamResponse } from '../../ports/upstreams.ts';
import { proxyRefusal } from './proxy-refusal.ts';
import { headerRecord, responsePairs } from './upstream-headers.ts';

const freeSocketsMax = 64;
const idleMsMax = 30_000;

/** Carries an UpstreamFailure through Node's agent. */
class OpenFailed extends Error {
  readonly failure: UpstreamFailure;
  constructor(failure: UpstreamFailure) {
    super(failure.sentence);
    this.failure = failure;
  }
}

/** For a proxy that speaks HTTP/1.1 inside: one inner TLS connection per call under way, kept for the next one. */
export class InnerHttp1 {
  active = 0;
  readonly #agent: Agent;

  /** `first` was opened to learn what the proxy speaks; `onOtherProtocol` is called where it speaks something else later. */
  constructor(
    first: TLSSocket,
    open: () => Promise<Result<TLSSocket, UpstreamFailure>>,
    onOtherProtocol: () => void = () => undefined,
  ) {
    let waiting: TLSSocket | undefined = first;
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: freeSocketsMax, timeout: idleMsMax });
    this.#agent.createConnection = (_options, done) => {
      const ready = waiting;
      waiting = undefined;
      if (ready !== undefined && !ready.destroyed) return ready;
      void open().then((opened) => {
        if (!opened.ok) done?.(new OpenFailed(opened.reason), first);
        else if (opened.value.alpnProtocol === 'h2') {
          opened.value.destroy();
          onOtherProtocol();
          done?.(new OpenFailed(protocolChanged), first);
        } else done?.(null, opened.value);
      });
      return undefined;
    };
  }

  /** Running calls go on; no connection is kept for another one. */
  retire(): void {
    this.#agent.maxFreeSockets = 0;
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  destroy(): void {
    this.#agent.destroy();
  }

  send(route: Route, request: UpstreamRequest, responseHeadMsMax: number): UpstreamExchange {
    const { body } = request;
    const outgoing = httpRequest({
      agent: this.#agent,
      host: route.host,
      method: request.method,
      path: request.path,
      headers: {
        ...headerRecord(request.headers),
        host: route.host,
        ...(body === undefined ? {} : { 'content-length': body.reduce((sum, piece) => sum + piece.length, 0) }),
      },
    });
    this.active += 1;
    outgoing.once('close', () => {
      this.active -= 1;
    });
    for (const piece of body ?? []) outgoing.write(piece);
    outgoing.end();
    return {
      response: respond(outgoing, responseHeadMsMax, !route.routerUnauthenticated),
      cancel: () => outgoing.destroy(),
    };
  }
}

const protocolChanged: UpstreamFailure = {
  code: 'tunnel_unreachable',
  reason: 'protocol_changed',
  sentence: 'The proxy has begun to speak another protocol; nothing was sent. Try again.',
  sent: false,
};

function respond(
  outgoing: ClientRequest,
  responseHeadMsMax: number,
  isOurProxy: boolean,
): Promise<Result<UpstreamResponse, UpstreamFailure>> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(
        fail({
          code: 'upstream_timeout',
          reason: 'response_head_timeout',
          sentence: 'The private MCP server did not begin to answer in time; the call may have taken effect.',
          sent: true,
        }),
      );
      outgoing.destroy();
    }, responseHeadMsMax);
    outgoing.once('response', (incoming: IncomingMessage) => {
      clearTimeout(timer);
      const headers = responsePairs(incoming.rawHeaders);
      const refusal = isOurProxy ? proxyRefusal(headers) : undefined;
      if (refusal !== undefined) incoming.resume();
      const answered = { status: incoming.statusCode ?? 0, headers, body: incoming, broken: () => lost(true) };
      resolve(refusal === undefined ? ok(answered) : fail(refusal));
    });
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      resolve(fail(error instanceof OpenFailed ? error.failure : lost(outgoing.socket !== null)));
    });
    outgoing.once('close', () => {
      clearTimeout(timer);
      resolve(fail(lost(true)));
    });
  });
}

function lost(sent: boolean): UpstreamFailure {
  return {
    code: 'stream_lost',
    reason: 'http1_closed',
    sentence: 'The connection was lost during the call; the call may have taken effect.',
    sent,
  };
}
