import assert from 'node:assert/strict';

import { ResponseScanner, type ScannedMessage } from '@sallyport/mcp-wire';

import { chunkings } from '../chunkings.ts';
import { isObject, jsonModel, type JsonModel, memberOf } from '../json-model.ts';

export const bytesMax = 4096;

const depthMax = 256;

interface Outcome {
  readonly message: ScannedMessage | undefined;
  readonly fault: string | undefined;
  /** Where the message was complete; -1 where it never was. */
  readonly completedAt: number;
}

function scan(chunks: readonly Buffer[]): Outcome {
  const scanner = new ResponseScanner();
  let before = 0;
  let completedAt = -1;
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      const wasComplete = scanner.complete;
      const stopped = scanner.push(chunk, at);
      assert.ok(stopped >= at && stopped <= chunk.length, 'stopped outside of what was pushed');
      if (scanner.complete && !wasComplete) completedAt = before + stopped;
      if (scanner.fault !== undefined) break;
      at = stopped + 1;
    }
    before += chunk.length;
  }
  return { message: scanner.message, fault: scanner.fault, completedAt };
}

/** A server's message in pieces: the same however it is cut, and what JSON.parse reads of the whole. */
export function fuzz(bytes: Uint8Array): void {
  const whole = scan([Buffer.from(bytes)]);
  for (const chunks of chunkings(bytes)) assert.deepEqual(scan(chunks), whole);
  const model = jsonModel(bytes);
  if (whole.fault !== undefined) checkFault(whole.fault, model);
  if (whole.message === undefined || model === undefined) return;
  assert.ok(model.depth <= depthMax);
  const rest = Buffer.from(bytes).toString('latin1', whole.completedAt + 1);
  assert.match(rest, /^[ \t\r\n]*$/, 'complete before its end');
  checkMessage(whole.message, model.value);
}

function checkFault(fault: string, model: JsonModel | undefined): void {
  if (fault === 'malformed_json') assert.equal(model, undefined, 'called malformed, and JSON.parse takes it');
  if (model === undefined) return;
  if (fault === 'too_deep') assert.ok(model.depth > depthMax);
  if (fault === 'batch') assert.ok(Array.isArray(model.value));
  if (fault === 'not_an_object') assert.ok(typeof model.value !== 'object' || model.value === null);
  if (fault === 'duplicate_key') assert.ok(model.membersKept < model.membersWritten);
}

function checkMessage(message: ScannedMessage, value: unknown): void {
  assert.ok(isObject(value));
  const kind = Object.hasOwn(value, 'result')
    ? 'result'
    : Object.hasOwn(value, 'error')
      ? 'error'
      : Object.hasOwn(value, 'method')
        ? Object.hasOwn(value, 'id')
          ? 'request'
          : 'notification'
        : 'other';
  assert.equal(message.kind, kind);
  if (message.id !== undefined) assert.deepEqual(JSON.parse(message.id.raw), value['id']);
  else checkNoId(value['id']);
  if (message.method !== undefined) assert.equal(message.method, value['method']);
  const { result, error } = { result: memberOf(value, 'result'), error: memberOf(value, 'error') };
  assert.equal(message.isError ?? false, memberOf(result, 'isError') === true);
  if (message.errorCode !== undefined) assert.equal(message.errorCode, memberOf(error, 'code'));
  for (const key of ['resultType', 'protocolVersion'] as const) {
    const text = memberOf(result, key);
    assert.equal(message[key], typeof text === 'string' && text.length <= 64 ? text : undefined);
  }
}

/** An id is left out where there is none, where it is null, and where it is ill-formed text. */
function checkNoId(id: unknown): void {
  const isPossible = (typeof id === 'string' && id.isWellFormed()) || (typeof id === 'number' && Number.isInteger(id));
  assert.ok(!isPossible, 'the id was lost');
}
