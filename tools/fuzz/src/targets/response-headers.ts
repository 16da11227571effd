import assert from 'node:assert/strict';

import {
  decodeResponseHeaders,
  decodeResponseMeta,
  encodeResponseHeaders,
  forwardableRequestHeaders,
  forwardableResponseHeaders,
  type HeaderPair,
  isWebsocketKey,
} from '@sallyport/connector-wire';

export const bytesMax = 4096;

const neverForwarded = /^(?::|$|cf-cloudflared-|cf-int-|cf-proxy-|sallyport-|connection$|transfer-encoding$|upgrade$)/;
const notEncoded = /^(?:cf-int-|cf-cloudflared-|cf-proxy-)/i;

/** The block of response headers that a connector sends, the mark of who made them, and what is forwarded of either. */
export function fuzz(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('latin1');
  checkMeta(text);
  assert.equal(isWebsocketKey(text), /^[A-Za-z0-9+/]{22}==$/.test(text) && Buffer.from(text, 'base64').length === 16);
  const decoded = decodeResponseHeaders(text);
  if (decoded.ok) checkHeaders(decoded.value, text.length);
  checkForwarded(text.split('\n').map((line) => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 1)]));
}

function checkHeaders(headers: readonly HeaderPair[], blockLength: number): void {
  for (const [name, value] of headers) {
    assert.match(name, /^[!-9;-~]+$/);
    assert.doesNotMatch(value, /[\0\r\n]/);
  }
  const length = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  assert.ok(length <= blockLength, 'headers are longer than the block');
  const written = encodeResponseHeaders(headers);
  assert.ok(written.ok, 'what was read cannot be written');
  const kept = headers.filter(([name]) => !notEncoded.test(name));
  assert.deepEqual(decodeResponseHeaders(written.value), { ok: true, value: kept });
  checkForwarded(headers);
}

function checkForwarded(headers: readonly HeaderPair[]): void {
  const request = forwardableRequestHeaders(headers);
  const response = forwardableResponseHeaders(headers, false);
  for (const [name] of [...request, ...response]) assert.doesNotMatch(name, neverForwarded);
  assert.deepEqual(forwardableRequestHeaders(request), request);
  assert.deepEqual(forwardableResponseHeaders(response, false), response);
}

/** Only a JSON object whose `src` is `origin` says so. */
function checkMeta(text: string): void {
  let source: unknown;
  try {
    source = (JSON.parse(text) as { src?: unknown } | null)?.src;
  } catch {
    source = undefined;
  }
  const decoded = decodeResponseMeta(text).source;
  if (source !== 'origin') assert.equal(decoded, 'connector', 'taken for the origin without a clear mark');
  else if (text.length <= 1024) assert.equal(decoded, 'origin');
}
