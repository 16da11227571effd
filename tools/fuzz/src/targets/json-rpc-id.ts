import assert from 'node:assert/strict';

import { decodeMirroredValue, parseJsonRpcId } from '@sallyport/mcp-wire';

import { jsonModel } from '../json-model.ts';

export const bytesMax = 1024;

/** An id and its key, and the value behind a header that mirrors a name. */
export function fuzz(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  checkMirrored(text, Buffer.from(bytes).toString('latin1'));
  const model = jsonModel(bytes);
  // The parser is only given the span of a value that a strict reader has taken.
  if (model === undefined || text !== text.trim()) return;
  const id = parseJsonRpcId(text);
  if (typeof model.value === 'string') {
    assert.deepEqual(id, model.value.isWellFormed() ? { raw: text, key: `s:${model.value}` } : undefined);
  } else if (typeof model.value !== 'number') assert.equal(id, undefined);
  else if (id !== undefined) checkNumber(text, id.key);
}

/** Equal integers have equal keys, in whatever notation: the key is that of the plain digits. */
function checkNumber(text: string, key: string): void {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > 2000) return;
  const digits = BigInt(whole + fraction);
  const scale = 10n ** BigInt(Math.abs(exponent));
  assert.ok(exponent >= 0 || digits % scale === 0n, 'a fraction is taken for an integer');
  const value = exponent >= 0 ? digits * scale : digits / scale;
  assert.equal(key, parseJsonRpcId(value === 0n ? '0' : `${sign}${value}`)?.key);
}

function checkMirrored(text: string, latin1: string): void {
  const wrapped = `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
  assert.equal(decodeMirroredValue(wrapped), text, 'what is wrapped does not come back');
  const decoded = decodeMirroredValue(latin1);
  if (decoded === undefined) return;
  assert.ok(decoded.isWellFormed() && decoded.length <= latin1.length);
  const again = `=?base64?${Buffer.from(decoded, 'utf8').toString('base64')}?=`;
  assert.equal(decodeMirroredValue(again), decoded);
}
