import { type ClientDuplexStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { tunnel } from '@sallyport/contracts';
import { type GrpcChannel, reasonOf } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import type { UpstreamFailure } from '../../ports/upstreams.ts';
import { EdgeByteStream } from './edge-byte-stream.ts';

export type HttpCall = ClientDuplexStream<tunnel.SendHttpRequestRequest, tunnel.SendHttpRequestResponse>;

const openMsMax = 10_000;
/** For all edges together: a client is to hear of a tunnel that is down within 35 s, and the handshake takes its time too. */
const openAllMsMax = 20_000;

/** The edges that may hold a tunnel's connections. The one that held a tunnel last is asked first. */
export class Edges {
  readonly #clients: readonly tunnel.TunnelServiceClient[];
  readonly #lastGood = new Map<string, tunnel.TunnelServiceClient>();

  constructor(channels: readonly GrpcChannel[]) {
    this.#clients = channels.map(
      (channel) => new tunnel.TunnelServiceClient(channel.address, channel.credentials, channel.options),
    );
  }

  /** Opens a byte stream to the tunnel's proxy. Nothing of a call has been sent then, so every edge may be tried. */
  async openByteStream(
    tunnelId: string,
    host: string,
    traceparent: string,
  ): Promise<Result<EdgeByteStream, UpstreamFailure>> {
    let failure = unreachable('no_edge', 'No edge is configured.');
    const untilMs = performance.now() + openAllMsMax;
    for (const client of this.candidates(tunnelId)) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) break;
      const opened = await open(client, { tunnelId, host }, traceparent, Math.min(openMsMax, leftMs));
      if (opened.ok) {
        this.#lastGood.set(tunnelId, client);
        return opened;
      }
      failure = opened.reason;
    }
    return fail(failure);
  }

  /** One request in transport mode. The caller tries the next client where the failure says that nothing was sent. */
  sendHttpRequest(client: tunnel.TunnelServiceClient, traceparent: string): HttpCall {
    return client.sendHttpRequest(traceMetadata(traceparent));
  }

  candidates(tunnelId: string): readonly tunnel.TunnelServiceClient[] {
    const last = this.#lastGood.get(tunnelId);
    return last === undefined ? this.#clients : [last, ...this.#clients.filter((client) => client !== last)];
  }

  remember(tunnelId: string, client: tunnel.TunnelServiceClient): void {
    this.#lastGood.set(tunnelId, client);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

export function unreachable(reason: string, sentence: string): UpstreamFailure {
  return { code: 'tunnel_unreachable', reason, sentence, sent: false };
}

/** grpc-js ends a call with UNAVAILABLE also where the edge died in the middle of it. These are its words for a call that never left. */
const neverSent = /^(?:No connection established|Name resolution failed|Stream refused by server)/;

/** What a failed call of the edge says about the request: see the comment of TunnelService. */
export function edgeFailure(error: ServiceError): UpstreamFailure {
  const reason = reasonOf(error) ?? 'edge_unreachable';
  if (reasonOf(error) === undefined && !(error.code === status.UNAVAILABLE && neverSent.test(error.details)))
    return lostOnTheWay(error);
  switch (error.code) {
    case status.NOT_FOUND:
      return unreachable(
        reason,
        'No connector of this tunnel is connected; nothing was sent. Start the connector, or look at its log.',
      );
    case status.UNAVAILABLE:
      return unreachable(reason, 'The tunnel could not be reached; nothing was sent.');
    case status.RESOURCE_EXHAUSTED:
      return unreachable(reason, 'The edge has reached a limit for this tunnel; nothing was sent.');
    case status.DEADLINE_EXCEEDED:
      return {
        code: 'tunnel_unreachable',
        reason,
        sentence: 'The connector does not answer; the call may have taken effect.',
        sent: true,
      };
    case status.INVALID_ARGUMENT:
      return {
        code: 'upstream_malformed',
        reason,
        sentence: 'The edge refused the request as malformed; nothing was sent.',
        sent: false,
      };
    default:
      return lostOnTheWay(error);
  }
}

/** The way to the private network broke under a call. */
export function lostOnTheWay(error: Error): UpstreamFailure {
  const reason = 'metadata' in error ? reasonOf(error as ServiceError) : undefined;
  return {
    code: 'stream_lost',
    reason: reason ?? 'edge_lost',
    sentence: 'The connection to the private network was lost; the call may have taken effect.',
    sent: true,
  };
}

function traceMetadata(traceparent: string): Metadata {
  const metadata = new Metadata();
  metadata.set('traceparent', traceparent);
  return metadata;
}

function open(
  client: tunnel.TunnelServiceClient,
  value: { readonly tunnelId: string; readonly host: string },
  traceparent: string,
  msMax: number,
): Promise<Result<EdgeByteStream, UpstreamFailure>> {
  return new Promise((resolve) => {
    const call = client.openByteStream(traceMetadata(traceparent));
    let settled = false;
    const settle = (result: Result<EdgeByteStream, UpstreamFailure>) => {
      settled = true;
      clearTimeout(timer);
      resolve(result);
    };
    const refuse = (failure: UpstreamFailure) => {
      settle(fail(failure));
      call.cancel();
    };
    const timer = setTimeout(
      () => refuse(unreachable('open_timeout', 'The connector did not open a stream in time; nothing was sent.')),
      msMax,
    );
    call.on('error', (error: ServiceError) => {
      if (settled) return;
      const { reason, sentence } = edgeFailure(error);
      const said = reasonOf(error) === undefined ? 'The tunnel could not be reached; nothing was sent.' : sentence;
      settle(fail(unreachable(reason, said)));
    });
    call.once('data', ({ message }: tunnel.OpenByteStreamResponse) => {
      if (settled) return;
      call.pause();
      if (message?.$case === 'opened') settle(ok(new EdgeByteStream(call)));
      else refuse(unreachable('edge_protocol', 'The edge did not follow the protocol; nothing was sent.'));
    });
    call.once('end', () => {
      if (!settled) refuse(unreachable('edge_protocol', 'The edge did not follow the protocol; nothing was sent.'));
    });
    call.write({ message: { $case: 'open', value } });
  });
}
