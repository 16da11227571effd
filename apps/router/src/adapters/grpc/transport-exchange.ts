import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Readable } from 'node:stream';
import type { ServiceError } from '@grpc/grpc-js';
import type { tunnel } from '@sallyport/contracts';
import { fail, ok, type Result } from '@sallyport/result';
import type { Route } from '../../ports/routes.ts';
import type { HeaderPairs, UpstreamFailure, UpstreamRequest, UpstreamResponse } from '../../ports/upstreams.ts';
import { edgeFailure, type Edges, type HttpCall, unreachable } from './edges.ts';
import { proxyRefusal } from '../tunnel/proxy-refusal.ts';
import { responsePairs } from '../tunnel/upstream-headers.ts';

const messageBytesMax = 64 * 1024;

/** A request through the edge in the clear: the tunnel's transport mode. Another edge is tried only where nothing was sent. */
export function sendInTransportMode(
  edges: Edges,
  route: Route,
  request: UpstreamRequest,
  options: { readonly traceparent: string; readonly responseHeadMsMax: number },
) {
  let current: HttpCall | undefined;
  let cancelled = false;
  const attempt = async (): Promise<Result<UpstreamResponse, UpstreamFailure>> => {
    let failure = unreachable('no_edge', 'No edge is configured.');
    for (const client of edges.candidates(route.tunnelId)) {
      if (cancelled) return fail({ ...failure, reason: 'cancelled' });
      const call = edges.sendHttpRequest(client, options.traceparent);
      current = call;
      const response = await exchange(call, route, request, options.responseHeadMsMax);
      if (response.ok) {
        edges.remember(route.tunnelId, client);
        return response;
      }
      failure = response.reason;
      if (failure.sent) break;
    }
    return fail(failure);
  };
  return {
    response: attempt(),
    cancel: () => {
      cancelled = true;
      current?.cancel();
    },
  };
}

function exchange(
  call: HttpCall,
  route: Route,
  request: UpstreamRequest,
  responseHeadMsMax: number,
): Promise<Result<UpstreamResponse, UpstreamFailure>> {
  return new Promise((resolve) => {
    let failure: UpstreamFailure | undefined;
    let body: Readable | undefined;
    /** No answer, or no more of it: what the edge still says is not waited for. */
    const give = (reason: UpstreamFailure) => {
      clearTimeout(timer);
      failure ??= reason;
      call.cancel();
      resolve(fail(failure));
    };
    const timer = setTimeout(() => give(late), responseHeadMsMax);
    call.on('data', ({ message }: tunnel.SendHttpRequestResponse) => {
      if (failure !== undefined) return;
      if (message?.$case === 'head' && body === undefined) {
        const { status, headers: said, fromConnector } = message.value;
        const headers = responsePairs(said.flatMap(({ name, value }) => [name, value]));
        if (fromConnector) return give(proxyRefusal(headers) ?? noOrigin(status));
        if (!isSendable(status, headers)) return give(malformed);
        clearTimeout(timer);
        body = new Readable({ read: () => call.resume(), destroy: (error, done) => (call.cancel(), done(error)) });
        resolve(ok({ status, headers, body, broken: () => failure ?? lost }));
      } else if (message?.$case === 'data' && body?.push(Buffer.from(message.value)) === false) call.pause();
    });
    call.once('end', () => {
      if (body === undefined) give(lost);
      else body.push(null);
    });
    call.on('error', (error: ServiceError) => {
      give(edgeFailure(error));
      if (body !== undefined && !body.readableEnded) body.destroy();
    });
    writeRequest(call, route, request);
  });
}

/** The edge is not believed: what it says must be an HTTP response. */
function isSendable(status: number, headers: HeaderPairs): boolean {
  if (!Number.isInteger(status) || status < 200 || status > 599) return false;
  return headers.every(([name, value]) => {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      return true;
    } catch {
      return false;
    }
  });
}

/** A plain `cloudflared` says no more than the status. */
function noOrigin(status: number): UpstreamFailure {
  return {
    code: 'upstream_unreachable',
    reason: `connector_${status}`,
    sentence: 'The connector could not reach the private MCP server: look at its log.',
    sent: true,
  };
}

const late: UpstreamFailure = {
  code: 'upstream_timeout',
  reason: 'response_head_timeout',
  sentence: 'The private MCP server did not begin to answer in time; the call may have taken effect.',
  sent: true,
};

const malformed: UpstreamFailure = {
  code: 'upstream_malformed',
  reason: 'response_head_malformed',
  sentence: 'The answer has a status or a header that is not HTTP; the call may have taken effect.',
  sent: true,
};

const lost: UpstreamFailure = {
  code: 'stream_lost',
  reason: 'edge_stream_closed',
  sentence: 'The connection was lost during the call; the call may have taken effect.',
  sent: true,
};

function writeRequest(call: HttpCall, route: Route, request: UpstreamRequest): void {
  const { body } = request;
  const value = {
    tunnelId: route.tunnelId,
    method: request.method,
    authority: route.host,
    path: request.path,
    headers: request.headers.map(([name, headerValue]) => ({ name, value: headerValue })),
    clientIp: request.clientIp,
    websocket: false,
    endOfBody: body === undefined,
  };
  call.write({ message: { $case: 'head', value } });
  for (const piece of body ?? []) {
    for (let at = 0; at < piece.length; at += messageBytesMax) {
      call.write({ message: { $case: 'data', value: Buffer.from(piece.subarray(at, at + messageBytesMax)) } });
    }
  }
  call.end();
}
