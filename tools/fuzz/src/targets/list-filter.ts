import assert from 'node:assert/strict';

import { defaultFilterOptions, filterList, filterToolList, type ListShape, listShapes } from '@sallyport/mcp-wire';

import { isObject, jsonModel, type JsonModel, memberOf } from '../json-model.ts';

export const bytesMax = 4096;

/** A policy that any name can pass or fail, with one of each within reach of a short name. */
function isAllowed(name: string): boolean {
  return name.length % 2 === 1;
}

/** A list result: what remains is what filtering the parsed list would leave, and no denied name gets by. */
export function fuzz(bytes: Uint8Array): void {
  const model = jsonModel(bytes);
  for (const shape of listShapes.values()) checkShape(bytes, shape, model);
  assert.deepEqual(
    filterToolList(bytes, isAllowed),
    filterList(bytes, { member: 'tools', entryKey: 'name' }, isAllowed),
  );
}

function checkShape(bytes: Uint8Array, shape: ListShape, model: JsonModel | undefined): void {
  const filtered = filterList(bytes, shape, isAllowed);
  if (!filtered.ok) {
    const { code, offset, sentence } = filtered.reason;
    assert.ok(offset >= 0 && offset <= bytes.length && sentence.length < 200);
    if (code === 'malformed_json') assert.equal(model, undefined, 'called malformed, and JSON.parse takes it');
    if (code === 'duplicate_key') assert.ok(model === undefined || model.membersKept < model.membersWritten);
    return;
  }
  assert.ok(model !== undefined, 'taken, and no JSON');
  assert.equal(model.membersKept, model.membersWritten, 'a name came twice');
  assert.ok(model.depth <= defaultFilterOptions.depthMax);
  const { pieces, byteLength, kept, removed } = filtered.value;
  const out = Buffer.concat(pieces);
  assert.equal(out.length, byteLength);
  if (removed.length === 0) assert.ok(out.equals(bytes), 'changed without a reason');
  assert.ok(kept.every(isAllowed) && !removed.some(isAllowed));
  assert.deepEqual(JSON.parse(out.toString('utf8')), expectedOf(model.value, shape));
}

/** The model: parse, filter, mark private where something went and the result is of the modern era. */
function expectedOf(value: unknown, shape: ListShape): unknown {
  const expected: unknown = structuredClone(value);
  const result = memberOf(expected, 'result');
  const entries = memberOf(result, shape.member);
  if (!isObject(result) || !Array.isArray(entries)) return expected;
  const kept = entries.filter((entry) => isAllowed(String(memberOf(entry, shape.entryKey))));
  const isModern = ['resultType', 'ttlMs', 'cacheScope'].some((key) => Object.hasOwn(result, key));
  if (kept.length < entries.length && isModern) result['cacheScope'] = 'private';
  result[shape.member] = kept;
  return expected;
}
