import { isUtf8 } from 'node:buffer';
import assert from 'node:assert/strict';

import {
  type BodyRefusal,
  checkHeaders,
  defaultBodyLimits,
  type InspectedMessage,
  inspectRequestBody,
  spliceTraceContext,
} from '@sallyport/mcp-wire';

import { isObject, jsonModel, type JsonModel, memberOf } from '../json-model.ts';

export const bytesMax = 4096;

const versionKey = 'io.modelcontextprotocol/protocolVersion';
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a="b"' };
const sentenceLengthMax = 200;

/** A client's message: what is read of it is what JSON.parse reads, and nothing that parsers read differently is taken. */
export function fuzz(bytes: Uint8Array): void {
  const model = jsonModel(bytes);
  const inspected = inspectRequestBody(bytes);
  if (!inspected.ok) checkRefusal(bytes, inspected.reason, model);
  else {
    assert.ok(model !== undefined, 'taken, and no JSON');
    checkMessage(bytes, inspected.value, model);
    checkSplice(bytes, inspected.value, model);
  }
}

function checkRefusal(bytes: Uint8Array, refusal: BodyRefusal, model: JsonModel | undefined): void {
  assert.ok(refusal.sentence.length < sentenceLengthMax);
  if (refusal.offset !== undefined) assert.ok(refusal.offset >= 0 && refusal.offset <= bytes.length);
  switch (refusal.code) {
    case 'malformed_json':
    case 'empty_body':
    case 'byte_order_mark':
      assert.equal(model, undefined, 'called malformed, and JSON.parse takes it');
      break;
    case 'invalid_utf8':
      checkUtf8Offset(bytes, refusal.offset ?? -1);
      break;
    case 'too_deep':
      assert.ok(model === undefined || model.depth > defaultBodyLimits.depthMax);
      break;
    case 'duplicate_key':
      assert.ok(model === undefined || model.membersKept < model.membersWritten);
      break;
    case 'batch':
      assert.ok(Array.isArray(model?.value));
      break;
    case 'not_an_object':
      assert.ok(model !== undefined && (typeof model.value !== 'object' || model.value === null));
      break;
    case 'not_json_rpc_2':
      assert.notEqual(memberOf(model?.value, 'jsonrpc'), '2.0');
      break;
    case 'target_missing':
      assert.ok(!isWellFormedText(targetOf(model?.value)), 'it has its target');
      break;
    default:
  }
}

/** The offset is that of the first sequence which is not UTF-8: all before it is, and no longer start is. */
function checkUtf8Offset(bytes: Uint8Array, offset: number): void {
  assert.ok(isUtf8(bytes.subarray(0, offset)), 'an earlier byte is wrong');
  for (let more = 1; more <= 4 && offset + more <= bytes.length; more += 1) {
    assert.ok(!isUtf8(bytes.subarray(0, offset + more)), 'the byte named is right');
  }
}

function checkMessage(bytes: Uint8Array, message: InspectedMessage, model: JsonModel): void {
  assert.equal(model.membersKept, model.membersWritten, 'a name came twice');
  assert.ok(model.depth <= defaultBodyLimits.depthMax);
  const { value } = model;
  const [id, params] = [memberOf(value, 'id'), memberOf(value, 'params')];
  const meta = memberOf(params, '_meta');
  assert.equal(memberOf(value, 'jsonrpc'), '2.0');
  if (message.id !== undefined) {
    assert.deepEqual(JSON.parse(message.id.raw), id);
    assert.ok(message.id.raw.length <= defaultBodyLimits.idBytesMax);
  }
  if (message.kind === 'response') {
    assert.ok(isObject(value) && Object.hasOwn(value, 'result') !== Object.hasOwn(value, 'error'));
    assert.equal(message.method, undefined);
    return;
  }
  assert.equal(message.method, memberOf(value, 'method'));
  assert.equal(message.kind === 'request', typeof id === 'string' || typeof id === 'number');
  if (message.target !== undefined) assert.equal(message.target.value, memberOf(params, message.target.field));
  assert.equal(message.claimedVersion, memberOf(meta, versionKey));
  assert.equal(message.traceparent, textOf(memberOf(meta, 'traceparent')));
  assert.equal(message.tracestate, textOf(memberOf(meta, 'tracestate')));
  const text = Buffer.from(bytes);
  const spelled = message.arguments;
  const read: unknown =
    spelled === undefined ? undefined : JSON.parse(text.toString('utf8', spelled.start, spelled.end));
  assert.deepEqual(read, memberOf(params, 'arguments'));
  if (message.progressToken !== undefined) {
    assert.deepEqual(JSON.parse(message.progressToken), memberOf(meta, 'progressToken'));
  }
  checkHeaders({ 'mcp-method': [message.method ?? ''], 'mcp-name': [message.target?.value ?? ''] }, message);
}

/** Only the trace keys change, and the result is read as the same message. */
function checkSplice(bytes: Uint8Array, message: InspectedMessage, model: JsonModel): void {
  const spliced = spliceTraceContext(bytes, message, trace);
  const out = Buffer.concat(spliced.pieces);
  assert.equal(out.length, spliced.byteLength);
  if (message.kind === 'response') {
    assert.ok(out.equals(bytes));
    return;
  }
  const expected = structuredClone(model.value) as { params?: { _meta?: object } };
  expected.params = { ...expected.params, _meta: { ...expected.params?._meta, ...trace } };
  assert.deepEqual(sameShape(JSON.parse(out.toString('utf8'))), sameShape(expected));
  if (model.depth > defaultBodyLimits.depthMax - 2) return;
  const again = inspectRequestBody(out);
  assert.ok(again.ok, 'what was spliced is refused');
  const { places: _before, arguments: _argumentsBefore, ...before } = message;
  const { places: _after, arguments: _argumentsAfter, ...after } = again.value;
  assert.deepEqual(after, { ...before, ...trace });
}

/** `__proto__` as a name is a member like any other to JSON.parse and something else to an object spread. */
function sameShape(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function targetOf(value: unknown): unknown {
  const [method, params] = [memberOf(value, 'method'), memberOf(value, 'params')];
  const field = String(method).startsWith('tasks/')
    ? 'taskId'
    : String(method).startsWith('resources/')
      ? 'uri'
      : 'name';
  return memberOf(params, field);
}

function isWellFormedText(value: unknown): boolean {
  return typeof value === 'string' && value.isWellFormed();
}
