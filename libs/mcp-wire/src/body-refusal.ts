import { type JsonFault, type JsonFaultCode, jsonFaultSentences } from './json-fault.ts';
import type { JsonRpcId } from './json-rpc-id.ts';

/** Why a request body is not relayed. Stable: these codes appear in answers and in audit events. */
export type BodyRefusalCode = JsonFaultCode | MessageRefusalCode;

type MessageRefusalCode =
  | 'body_too_large'
  | 'batch'
  | 'not_an_object'
  | 'not_json_rpc_2'
  | 'message_shape'
  | 'id_invalid'
  | 'id_too_long'
  | 'method_invalid'
  | 'id_missing'
  | 'params_not_object'
  | 'meta_not_object'
  | 'version_invalid'
  | 'target_missing'
  | 'target_too_long';

export interface BodyRefusal {
  readonly code: BodyRefusalCode;
  /** For people; holds no byte of the body. */
  readonly sentence: string;
  /** JSON-RPC 2.0 §5.1: -32700, -32600 or -32602. */
  readonly rpcCode: number;
  /** Offset of the offending byte, where one can be named. */
  readonly offset?: number;
  /** The id to answer with, when it was read without doubt. */
  readonly id?: JsonRpcId;
}

const parseError = -32700;
const invalidRequest = -32600;
const invalidParams = -32602;

/** Faults of JSON itself; the other faults are well-formed JSON that we do not accept. */
const parseErrors: ReadonlySet<JsonFaultCode> = new Set([
  'empty_body',
  'byte_order_mark',
  'invalid_utf8',
  'malformed_json',
]);

const messageRefusals: Readonly<Record<MessageRefusalCode, readonly [rpcCode: number, sentence: string]>> = {
  body_too_large: [invalidRequest, 'The body is larger than this route accepts'],
  batch: [invalidRequest, 'Batches are not accepted: send one JSON-RPC message per request'],
  not_an_object: [invalidRequest, 'The body is not a JSON-RPC message: it is not an object'],
  not_json_rpc_2: [invalidRequest, 'The member jsonrpc is missing or is not "2.0"'],
  message_shape: [invalidRequest, 'The body is neither a request, a notification nor a response'],
  id_invalid: [invalidRequest, 'The id is neither a string nor an integer'],
  id_too_long: [invalidRequest, 'The id is too long'],
  method_invalid: [invalidRequest, 'The method is not a string of acceptable length'],
  id_missing: [invalidRequest, 'This method is a request and needs an id'],
  params_not_object: [invalidParams, 'The member params is not an object'],
  meta_not_object: [invalidParams, 'The member params._meta is not an object'],
  version_invalid: [invalidParams, 'The protocol version in params._meta is not a version string'],
  target_missing: [invalidParams, 'This method needs its name or uri as a string'],
  target_too_long: [invalidParams, 'The name or uri is too long'],
};

export function jsonRefusal(fault: JsonFault): BodyRefusal {
  const { code, offset } = fault;
  const rpcCode = parseErrors.has(code) ? parseError : invalidRequest;
  return { code, rpcCode, offset, sentence: `${jsonFaultSentences[code]} (byte ${offset}).` };
}

export function messageRefusal(code: MessageRefusalCode, place: { offset?: number; id?: JsonRpcId } = {}): BodyRefusal {
  const [rpcCode, sentence] = messageRefusals[code];
  const where = place.offset === undefined ? '' : ` (byte ${place.offset})`;
  return { code, rpcCode, sentence: `${sentence}${where}.`, ...place };
}
