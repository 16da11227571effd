import assert from 'node:assert/strict';

import {
  decodeCredentialsFile,
  decodeTunnelToken,
  encodeCredentialsFile,
  encodeTunnelToken,
  type TunnelToken,
  uuidBytes,
  uuidText,
} from '@sallyport/connector-wire';

export const bytesMax = 5000;

const refusals: ReadonlySet<string> = new Set([
  'token-not-base64',
  'token-not-json',
  'token-lacks-account-tag',
  'token-lacks-tunnel-uuid',
  'token-lacks-secret',
]);

/** A tunnel token, a credentials file, and the same JSON behind base64, so that the fuzzer need not learn base64. */
export function fuzz(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  for (const decoded of [
    decodeTunnelToken(text),
    decodeTunnelToken(Buffer.from(bytes).toString('base64')),
    decodeCredentialsFile(text),
  ]) {
    if (decoded.ok) checkToken(decoded.value);
    else assert.ok(refusals.has(decoded.reason), 'an undocumented refusal');
  }
  const uuid = uuidBytes(text);
  if (uuid !== undefined) assert.equal(uuidText(uuid), text.toLowerCase());
  assert.equal(uuidText(bytes) === undefined, bytes.length !== 16);
}

function checkToken(token: TunnelToken): void {
  assert.ok(token.accountTag.length >= 1 && token.accountTag.length <= 255);
  assert.match(token.tunnelUuid, /^[0-9a-f-]{36}$/);
  assert.ok(token.tunnelSecret.length >= 32 && token.tunnelSecret.length <= 256);
  assert.deepEqual(decodeTunnelToken(encodeTunnelToken(token)), { ok: true, value: token });
  assert.deepEqual(decodeCredentialsFile(encodeCredentialsFile(token)), { ok: true, value: token });
}
