import type { JsonRpcId } from './json-rpc-id.ts';

/** How one error of the gateway looks to a client. */
export interface GatewayErrorRow {
  /** HTTP status for a request that has an id. */
  readonly httpStatus: number;
  /** JSON-RPC code. Our own are positive: outside -32768..-32000, which JSON-RPC and MCP reserve. */
  readonly rpcCode: number;
  /** What happened and what to do, for the person who reads the agent's log. */
  readonly sentence: string;
}

/**
 * Every error this gateway makes itself; `error.data.code` carries the name, so that a client can tell it from one of the
 * upstream server. Stable. `denied_by_policy`, and how a sandboxed call ended, travel with HTTP 200 because both official
 * SDKs hand a JSON-RPC error to the caller only then (README, "What clients show").
 */
export const gatewayErrors = {
  invalid_message: row(400, -32600, 'The message is not acceptable.'),
  parse_error: row(400, -32700, 'The message is not valid JSON.'),
  invalid_params: row(400, -32602, 'The parameters of the message are not acceptable.'),
  header_mismatch: row(400, -32020, 'A header does not match the message.'),
  bad_request: row(400, 4000, 'The HTTP request is not acceptable.'),
  unauthenticated: row(401, 4010, 'The credential is missing, unknown, expired or revoked.'),
  denied_by_policy: row(200, 4030, 'The policy of this tunnel does not allow this call.'),
  credential_not_for_route: row(403, 4031, 'The credential is not meant for this tunnel.'),
  origin_not_allowed: row(403, 4032, 'Requests from this origin are not allowed.'),
  unknown_tunnel: row(404, 4040, 'There is no such tunnel.'),
  session_not_found: row(404, 4041, 'There is no such MCP session for this credential; initialize again.'),
  unknown_session: row(404, 4042, 'There is no such session in the workspace of this credential.'),
  method_not_allowed: row(405, 4050, 'This HTTP method is not served here.'),
  not_acceptable: row(406, 4060, 'The client must accept application/json and text/event-stream.'),
  request_timeout: row(408, 4080, 'The request did not arrive in time.'),
  session_ended: row(410, 4100, 'The session has ended; make another one.'),
  body_too_large: row(413, 4130, 'The request body is larger than this route accepts.'),
  unsupported_media_type: row(415, 4150, 'The content type of a message must be application/json.'),
  host_not_served: row(421, 4210, 'This host name is not served here.'),
  too_many_requests: row(429, 4290, 'There are too many requests at once or in this time; try again later.'),
  session_busy: row(429, 4291, 'The session runs as many calls as it may; nothing was run, try again later.'),
  queue_full: row(429, 4292, 'The queue of the environment is full; nothing was run, try again later.'),
  headers_too_large: row(431, 4310, 'The request headers are larger than this route accepts.'),
  call_cancelled: row(200, 4990, 'The call was cancelled; it may have taken effect.'),
  internal: row(500, 5000, 'The gateway failed; the call id leads to its log.'),
  call_failed: row(200, 5001, 'The call failed without a result; it may have taken effect.'),
  call_orphaned: row(
    200,
    5002,
    'The call was given up, for its sandbox or its executor is gone; it may have taken effect.',
  ),
  upstream_unreachable: row(502, 5020, 'The private MCP server could not be reached from its network.'),
  upstream_malformed: row(502, 5021, 'The private MCP server sent an answer that cannot be relayed safely.'),
  inner_tls_refused: row(502, 5022, 'The encrypted connection to the private network was refused.'),
  stream_lost: row(502, 5023, 'The connection was lost during the call; the call may have taken effect.'),
  response_too_large: row(502, 5024, 'The answer is larger than this route accepts.'),
  tunnel_unreachable: row(503, 5030, 'No connector of this tunnel is reachable; nothing was sent.'),
  audit_unavailable: row(503, 5031, 'The call could not be recorded and was not sent; try again later.'),
  outcome_unrecorded: row(
    503,
    5032,
    'The outcome could not be recorded and is withheld; the call may have taken effect.',
  ),
  control_unavailable: row(503, 5033, 'The control service could not be asked; nothing was sent.'),
  shutting_down: row(503, 5034, 'The gateway is shutting down; try again.'),
  scheduler_unavailable: row(503, 5035, 'The scheduler could not be reached; nothing was run, try again later.'),
  upstream_timeout: row(504, 5040, 'The private MCP server did not answer in time; the call may have taken effect.'),
  tunnel_timeout: row(504, 5041, 'The tunnel did not answer in time; the call may have taken effect.'),
} as const satisfies Record<string, GatewayErrorRow>;

export type GatewayErrorCode = keyof typeof gatewayErrors;

export interface GatewayErrorInput {
  readonly code: GatewayErrorCode;
  /** Id of the request; absent for notifications and for messages whose id could not be read. */
  readonly id?: Pick<JsonRpcId, 'raw'> | undefined;
  /** Replaces the table's sentence; must hold no secret and no payload. */
  readonly sentence?: string;
  /** Replaces the table's JSON-RPC code, for refusals that bring their own (-32700, -32600, -32602, -32020). */
  readonly rpcCode?: number;
  /** Further members of `error.data`; `code` and `source` are ours. */
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

export interface GatewayError {
  readonly httpStatus: number;
  /** The JSON-RPC error response; `Content-Type: application/json`. */
  readonly body: Buffer;
}

/** HTTP status of a refused message that expects no answer: 200 would claim that it was accepted. */
const deniedNotificationStatus = 403;

export function gatewayError(input: GatewayErrorInput): GatewayError {
  const { code, id } = input;
  const entry: GatewayErrorRow = gatewayErrors[code];
  const error = JSON.stringify({
    code: input.rpcCode ?? entry.rpcCode,
    message: input.sentence ?? entry.sentence,
    data: { ...input.data, code, source: 'sallyport' },
  });
  // MCP: an error without a request has no id at all; the id of a request goes back as it was written.
  const idMember = id === undefined ? '' : `"id":${id.raw},`;
  const httpStatus = id === undefined && entry.httpStatus === 200 ? deniedNotificationStatus : entry.httpStatus;
  return { httpStatus, body: Buffer.from(`{"jsonrpc":"2.0",${idMember}"error":${error}}`) };
}

function row(httpStatus: number, rpcCode: number, sentence: string): GatewayErrorRow {
  return { httpStatus, rpcCode, sentence };
}
