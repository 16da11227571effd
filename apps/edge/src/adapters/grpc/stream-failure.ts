import { status } from '@grpc/grpc-js';
import { type GrpcFailure, grpcFailure } from '@sallyport/grpc';

/** Why a router's call failed: stable codes, sent as `sallyport-reason`. */
export type StreamFailure = keyof typeof failures;

/** Statuses as `tunnel.proto` gives them: UNAVAILABLE where nothing was sent, ABORTED where something was. */
const failures = {
  no_connector: [status.NOT_FOUND, 'no connector of this tunnel is connected to this edge'],
  connector_lost_before_send: [status.UNAVAILABLE, 'the connection to the connector was lost before anything was sent'],
  connector_open_timeout: [status.UNAVAILABLE, 'the connector did not take the stream in time'],
  connector_refused: [status.UNAVAILABLE, 'the connector refused the stream'],
  byte_stream_not_accepted: [
    status.UNAVAILABLE,
    'what the connector routes this host to is no proxy that takes byte streams',
  ],
  connector_lost: [status.ABORTED, 'the connection to the connector was lost'],
  stream_reset: [status.ABORTED, 'the connector reset the stream'],
  framing_malformed: [status.ABORTED, 'the connector sent malformed WebSocket frames'],
  response_malformed: [status.ABORTED, 'the connector sent a malformed response'],
  response_header_timeout: [status.DEADLINE_EXCEEDED, 'no response headers came in time'],
  too_many_streams: [status.RESOURCE_EXHAUSTED, 'every connection of this tunnel has too many open streams'],
  open_missing: [status.INVALID_ARGUMENT, 'the first message must be the opening one, within the time limit'],
  request_malformed: [status.INVALID_ARGUMENT, 'a field of the request is malformed'],
  header_malformed: [status.INVALID_ARGUMENT, 'a header cannot be sent'],
  host_forbidden: [status.INVALID_ARGUMENT, 'this host may not be requested'],
  message_unexpected: [status.INVALID_ARGUMENT, 'only data may follow the opening message'],
} as const satisfies Record<string, readonly [status, string]>;

export function streamFailure(failure: StreamFailure): GrpcFailure {
  const [code, details] = failures[failure];
  return grpcFailure(code, failure, details);
}
