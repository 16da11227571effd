import assert from 'node:assert/strict';

import { canonicalDepthMax, canonicalize, isCanonical } from '@sallyport/transparency-log';

import { jsonModel } from '../json-model.ts';

export const bytesMax = 4096;

const refusals: ReadonlySet<string> = new Set([
  'bad-key',
  'ill-formed-text',
  'not-a-safe-integer',
  'not-a-json-value',
  'nested-too-deep',
]);

/** RFC 8785 in the ledger's profile, against the plain reading of it; canonical is one spelling and no other. */
export function fuzz(bytes: Uint8Array): void {
  const model = jsonModel(bytes);
  if (model === undefined) return;
  const text = Buffer.from(bytes).toString('utf8');
  const written = canonicalize(model.value);
  const isInProfile = model.depth <= canonicalDepthMax && fits(model.value);
  assert.equal(written.ok, isInProfile, 'the profile is read differently');
  if (!written.ok) {
    assert.ok(refusals.has(written.reason));
    assert.equal(isCanonical(text, model.value), false);
    return;
  }
  assert.equal(written.value, reference(model.value));
  const again: unknown = JSON.parse(written.value);
  assert.deepEqual(canonicalize(again), written);
  assert.ok(isCanonical(written.value, again));
  assert.equal(isCanonical(text, model.value), text === written.value);
  assert.ok(written.value.length <= 8 * text.length, 'far longer than what was read');
}

function fits(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(fits);
  return Object.entries(value).every(([key, item]) => /^[A-Za-z0-9_]+$/.test(key) && fits(item));
}

function reference(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value === 0 ? 0 : value);
  const entries = Object.entries(value).sort(([left], [right]) =>
    Buffer.compare(Buffer.from(left), Buffer.from(right)),
  );
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${reference(item)}`).join(',')}}`;
}
