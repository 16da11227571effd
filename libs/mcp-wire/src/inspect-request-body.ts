import { fail, ok, type Result } from '@sallyport/result';

import { type BodyRefusal, jsonRefusal, messageRefusal } from './body-refusal.ts';
import { type JsonLimits, JsonReader, type JsonSpan, textAt } from './json-reader.ts';
import { type JsonRpcId, parseJsonRpcId } from './json-rpc-id.ts';
import { envelopeNames, isAmbiguousKey, paramsNames } from './protocol-names.ts';
import { asBuffer } from './utf8.ts';

export interface BodyLimits extends JsonLimits {
  readonly bytesMax: number;
  /** Bytes of the id as written, quotes included. */
  readonly idBytesMax: number;
  /** UTF-16 units of the method, and of the name, uri or task id a method is about. */
  readonly methodLengthMax: number;
  readonly targetLengthMax: number;
}

export const defaultBodyLimits: BodyLimits = {
  bytesMax: 4 * 1024 * 1024,
  depthMax: 64,
  membersMax: 100_000,
  idBytesMax: 1024,
  methodLengthMax: 256,
  targetLengthMax: 8192,
};

export type MessageKind = 'request' | 'notification' | 'response';

/** What a method is about; the field that the header `Mcp-Name` mirrors. */
export interface CallTarget {
  readonly field: 'name' | 'uri' | 'taskId';
  readonly value: string;
}

/** An object's braces: `open` is the offset after `{`, `empty` says that no member follows. */
export interface ObjectPlace {
  readonly open: number;
  readonly empty: boolean;
}

/** Where trace context goes. Only what exists has a place. */
export interface SplicePlaces {
  readonly root: ObjectPlace;
  readonly params?: ObjectPlace;
  readonly meta?: ObjectPlace;
  /** The values, whatever their type. */
  readonly traceparent?: JsonSpan;
  readonly tracestate?: JsonSpan;
}

/** One JSON-RPC 2.0 message from a client, as policy, audit and relay need it. Strings are decoded. */
export interface InspectedMessage {
  readonly kind: MessageKind;
  /** Absent on notifications, and on a client's error response that could not name one. */
  readonly id?: JsonRpcId;
  readonly method?: string;
  readonly target?: CallTarget;
  /** `params._meta["io.modelcontextprotocol/protocolVersion"]`, the claim that makes a message modern. */
  readonly claimedVersion?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** JSON text of `params._meta.progressToken`. */
  readonly progressToken?: string;
  /** `params.arguments`, as written: the bytes the audit commitment covers. */
  readonly arguments?: JsonSpan;
  /** `params.requestId` of `notifications/cancelled`. */
  readonly cancelledId?: JsonRpcId;
  /** `params.protocolVersion` of `initialize`: what the client offers; the server's answer decides. */
  readonly offeredVersion?: string;
  readonly places: SplicePlaces;
}

const versionKey = 'io.modelcontextprotocol/protocolVersion';
const versionText = /^[\w.-]{1,64}$/;

/** The methods policy decides by target; for the `tasks/*` rows see SEP-2663. */
export const targetFields: ReadonlyMap<string, CallTarget['field']> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['resources/subscribe', 'uri'],
  ['resources/unsubscribe', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/result', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** Without their target they mean nothing (MCP, Streamable HTTP: these carry `Mcp-Name`). */
export const methodsThatNeedTarget: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

type Spans = Map<string, JsonSpan>;

interface Outline {
  readonly envelope: Spans;
  readonly params: Spans;
  readonly meta: Spans;
  root?: ObjectPlace;
  paramsPlace?: ObjectPlace;
  metaPlace?: ObjectPlace;
}

/**
 * Reads a client's POST body without changing it. Refuses everything two parsers could read differently: duplicate and
 * case-folded member names, batches, byte order marks, invalid UTF-8, ids that are neither string nor integer.
 */
export function inspectRequestBody(
  body: Uint8Array,
  limits: BodyLimits = defaultBodyLimits,
): Result<InspectedMessage, BodyRefusal> {
  if (body.length > limits.bytesMax) return fail(messageRefusal('body_too_large'));
  const bytes = asBuffer(body);
  const reader = new JsonReader(bytes, limits);
  const outline: Outline = { envelope: new Map(), params: new Map(), meta: new Map() };
  if (!reader.begin()) return refused(reader);
  const first = reader.peek();
  const isObject = first === 0x7b;
  const accepted = isObject ? readOutline(reader, outline) : reader.skip();
  if (!accepted || !reader.end()) return refused(reader);
  if (!isObject) return fail(messageRefusal(first === 0x5b ? 'batch' : 'not_an_object'));
  return interpret(bytes, outline, limits);
}

function refused(reader: JsonReader): Result<never, BodyRefusal> {
  return fail(jsonRefusal(reader.fault ?? { code: 'malformed_json', offset: reader.pos }));
}

function readOutline(reader: JsonReader, outline: Outline): boolean {
  outline.root = placeOf(reader);
  return reader.readObject((key) => {
    if (isAmbiguousKey(key, envelopeNames)) return reader.refuse('ambiguous_key', reader.pos);
    return note(reader, outline.envelope, key, key === 'params' ? () => readParams(reader, outline) : undefined);
  });
}

function readParams(reader: JsonReader, outline: Outline): boolean {
  outline.paramsPlace = placeOf(reader);
  return reader.readObject((key) => {
    if (isAmbiguousKey(key, paramsNames)) return reader.refuse('ambiguous_key', reader.pos);
    return note(reader, outline.params, key, key === '_meta' ? () => readMeta(reader, outline) : undefined);
  });
}

function readMeta(reader: JsonReader, outline: Outline): boolean {
  outline.metaPlace = placeOf(reader);
  return reader.readObject((key) => note(reader, outline.meta, key, undefined));
}

/** Notes a member's span, reading its value with `inner` when it is an object. */
function note(reader: JsonReader, spans: Spans, key: string, inner: (() => boolean) | undefined): boolean {
  const start = reader.pos;
  const accepted = inner !== undefined && reader.bytes[start] === 0x7b ? inner() : reader.skip();
  if (accepted) spans.set(key, { start, end: reader.pos });
  return accepted;
}

function placeOf(reader: JsonReader): ObjectPlace {
  reader.peek();
  const open = reader.pos + 1;
  let next = open;
  const { bytes } = reader;
  while (bytes[next] === 0x20 || bytes[next] === 0x0a || bytes[next] === 0x0d || bytes[next] === 0x09) next++;
  return { open, empty: bytes[next] === 0x7d };
}

function interpret(bytes: Buffer, outline: Outline, limits: BodyLimits): Result<InspectedMessage, BodyRefusal> {
  const { envelope } = outline;
  const idSpan = envelope.get('id');
  const id = idSpan === undefined ? undefined : readId(bytes, idSpan, limits);
  const known = id === undefined ? {} : { id };
  if (textAt(bytes, envelope.get('jsonrpc')) !== '2.0') return fail(messageRefusal('not_json_rpc_2', known));
  if (idSpan !== undefined && idSpan.end - idSpan.start > limits.idBytesMax) return fail(messageRefusal('id_too_long'));
  const methodSpan = envelope.get('method');
  if (methodSpan === undefined) return interpretResponse(bytes, outline, id);
  if (idSpan !== undefined && id === undefined) {
    return fail(messageRefusal('id_invalid', { offset: idSpan.start }));
  }
  if (envelope.has('result') || envelope.has('error')) return fail(messageRefusal('message_shape', known));
  const method = textAt(bytes, methodSpan);
  if (method === undefined || method === '' || method.length > limits.methodLengthMax || !method.isWellFormed()) {
    return fail(messageRefusal('method_invalid', { offset: methodSpan.start, ...known }));
  }
  // A server may run a request that came without an id and answer nothing: no call may leave without a way to end it.
  if (id === undefined && !isNotificationMethod(method)) return fail(messageRefusal('id_missing'));
  const refusal = checkParams(bytes, outline, method, limits);
  if (refusal !== undefined) return fail({ ...refusal, ...known });
  return ok({
    kind: id === undefined ? 'notification' : 'request',
    ...known,
    method,
    ...facts(bytes, outline, method),
  });
}

function isNotificationMethod(method: string): boolean {
  return method.startsWith('notifications/') || method.includes('/notifications/');
}

function interpretResponse(
  bytes: Buffer,
  outline: Outline,
  id: JsonRpcId | undefined,
): Result<InspectedMessage, BodyRefusal> {
  const { envelope } = outline;
  const idSpan = envelope.get('id');
  const isResult = envelope.has('result');
  if (isResult === envelope.has('error')) return fail(messageRefusal('message_shape', id === undefined ? {} : { id }));
  const idIsNull = idSpan !== undefined && bytes[idSpan.start] === 0x6e;
  if (id === undefined && (isResult || (idSpan !== undefined && !idIsNull))) {
    return fail(messageRefusal('id_invalid', idSpan === undefined ? {} : { offset: idSpan.start }));
  }
  return ok({ kind: 'response', ...(id === undefined ? {} : { id }), places: { root: rootOf(outline) } });
}

function readId(bytes: Buffer, span: JsonSpan, limits: BodyLimits): JsonRpcId | undefined {
  if (span.end - span.start > limits.idBytesMax) return undefined;
  return parseJsonRpcId(bytes.toString('utf8', span.start, span.end));
}

function checkParams(bytes: Buffer, outline: Outline, method: string, limits: BodyLimits): BodyRefusal | undefined {
  const { envelope, params, meta } = outline;
  const paramsSpan = envelope.get('params');
  if (paramsSpan !== undefined && outline.paramsPlace === undefined) {
    return messageRefusal('params_not_object', { offset: paramsSpan.start });
  }
  const metaSpan = params.get('_meta');
  if (metaSpan !== undefined && outline.metaPlace === undefined) {
    return messageRefusal('meta_not_object', { offset: metaSpan.start });
  }
  const versionSpan = meta.get(versionKey);
  if (versionSpan !== undefined && !versionText.test(textAt(bytes, versionSpan) ?? '')) {
    return messageRefusal('version_invalid', { offset: versionSpan.start });
  }
  const field = targetFields.get(method);
  if (field === undefined) return undefined;
  const targetSpan = params.get(field);
  // Whether a server has one of the other methods, and what it misses then, is the server's to say.
  if (targetSpan === undefined && !methodsThatNeedTarget.has(method)) return undefined;
  const target = textAt(bytes, targetSpan);
  if (target === undefined || !target.isWellFormed()) return messageRefusal('target_missing');
  return target.length > limits.targetLengthMax ? messageRefusal('target_too_long') : undefined;
}

type Facts = Omit<InspectedMessage, 'kind' | 'id' | 'method'>;

/** What is left after the checks; a member is present only when the message has it. */
function facts(bytes: Buffer, outline: Outline, method: string): Facts {
  const { params, meta } = outline;
  const found: { -readonly [Name in keyof Facts]: Facts[Name] } = { places: splicePlaces(outline) };
  const field = targetFields.get(method);
  const value = field === undefined ? undefined : textAt(bytes, params.get(field));
  if (field !== undefined && value !== undefined) found.target = { field, value };
  const claimedVersion = textAt(bytes, meta.get(versionKey));
  if (claimedVersion !== undefined) found.claimedVersion = claimedVersion;
  const traceparent = textAt(bytes, meta.get('traceparent'));
  if (traceparent !== undefined) found.traceparent = traceparent;
  const tracestate = textAt(bytes, meta.get('tracestate'));
  if (tracestate !== undefined) found.tracestate = tracestate;
  const token = meta.get('progressToken');
  if (token !== undefined) found.progressToken = bytes.toString('utf8', token.start, token.end);
  const args = params.get('arguments');
  if (args !== undefined) found.arguments = args;
  if (method === 'notifications/cancelled') {
    const span = params.get('requestId');
    const cancelledId = span === undefined ? undefined : readId(bytes, span, defaultBodyLimits);
    if (cancelledId !== undefined) found.cancelledId = cancelledId;
  }
  if (method === 'initialize') {
    const offeredVersion = textAt(bytes, params.get('protocolVersion'));
    if (offeredVersion !== undefined) found.offeredVersion = offeredVersion;
  }
  return found;
}

function rootOf(outline: Outline): ObjectPlace {
  return outline.root ?? { open: 1, empty: false };
}

function splicePlaces(outline: Outline): SplicePlaces {
  const { meta, paramsPlace, metaPlace } = outline;
  const traceparent = meta.get('traceparent');
  const tracestate = meta.get('tracestate');
  return {
    root: rootOf(outline),
    ...(paramsPlace === undefined ? {} : { params: paramsPlace }),
    ...(metaPlace === undefined ? {} : { meta: metaPlace }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}
