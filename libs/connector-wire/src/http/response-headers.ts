import { type Result, fail, ok } from '@sallyport/result';

import type { HeaderPair } from './header-names.ts';

/**
 * Most bytes of the serialised block. A longer field (64 KiB after compression) wedges the whole HTTP/2 session of a Node edge without any
 * event (spec §3.5), so a connector must answer an error instead.
 */
export const responseHeadersBytesMax = 60_000;

export type ResponseHeadersRefusal = 'response-headers-too-large' | 'response-headers-malformed';

const excluded = [':', 'cf-int-', 'cf-cloudflared-', 'cf-proxy-'];

/** `b64(name):b64(value)` pairs joined with `;`, standard alphabet without padding, values as Latin-1 (spec §3.2). */
export function encodeResponseHeaders(headers: readonly HeaderPair[]): Result<string, ResponseHeadersRefusal> {
  let block = '';
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (excluded.some((prefix) => lower.startsWith(prefix))) continue;
    if (block !== '') block += ';';
    block += `${encodeField(name)}:${encodeField(value)}`;
    if (block.length > responseHeadersBytesMax) return fail('response-headers-too-large');
  }
  return ok(block);
}

const pair = /^([A-Za-z0-9+/]+={0,2}):([A-Za-z0-9+/]*={0,2})$/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- these are the characters that a field value may not hold (RFC 9110 §5.5)
const forbiddenInValue = /[\0\r\n]/;

/** The pairs in their order; names as sent. A name or value that HTTP forbids is a refusal: it could split a response. */
export function decodeResponseHeaders(block: string): Result<HeaderPair[], ResponseHeadersRefusal> {
  if (block.length > 2 * responseHeadersBytesMax) return fail('response-headers-too-large');
  const headers: HeaderPair[] = [];
  if (block === '') return ok(headers);
  for (const part of block.split(';')) {
    const match = pair.exec(part);
    if (match === null) return fail('response-headers-malformed');
    const name = Buffer.from(match[1] ?? '', 'base64').toString('latin1');
    const value = Buffer.from(match[2] ?? '', 'base64').toString('latin1');
    if (!fieldName.test(name) || forbiddenInValue.test(value)) return fail('response-headers-malformed');
    headers.push([name, value]);
  }
  return ok(headers);
}

/** Who made a response. */
export interface ResponseMeta {
  readonly source: 'origin' | 'connector';
}

const metaCharactersMax = 1024;

export const originMeta = '{"src":"origin"}';
export const connectorMeta = '{"src":"cloudflared"}';

/** Anything but a clear `origin` was not made by the origin. */
export function decodeResponseMeta(text: string | undefined): ResponseMeta {
  if (text === originMeta) return { source: 'origin' };
  if (text === undefined || text.length > metaCharactersMax) return { source: 'connector' };
  try {
    const meta: unknown = JSON.parse(text);
    const origin = typeof meta === 'object' && meta !== null && 'src' in meta && meta.src === 'origin';
    return { source: origin ? 'origin' : 'connector' };
  } catch {
    return { source: 'connector' };
  }
}

function encodeField(text: string): string {
  const encoded = Buffer.from(text, 'latin1').toString('base64');
  return encoded.endsWith('==') ? encoded.slice(0, -2) : encoded.endsWith('=') ? encoded.slice(0, -1) : encoded;
}
