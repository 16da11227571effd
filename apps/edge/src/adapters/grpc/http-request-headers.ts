import { randomBytes } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http2';

import { forwardableRequestHeaders, type HeaderPair, isWebsocketKey, upgradeHeader } from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import type { TraceContext } from '@sallyport/telemetry';

import { hostRefusal, isRequestPath } from './requested-host.ts';

const method = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible characters, spaces and tabs, in Latin-1 (RFC 9110 §5.5). */
const fieldValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;
const headersMax = 200;
const headerBytesMax = 64 * 1024;

/** Why a head cannot be sent to any connector; undefined where it can. */
export function headRefusal(
  head: tunnel.HttpRequestHead,
): 'request_malformed' | 'host_forbidden' | 'header_malformed' | undefined {
  if (!method.test(head.method) || head.method === 'CONNECT' || !isRequestPath(head.path)) return 'request_malformed';
  if (head.websocket && (head.method !== 'GET' || head.endOfBody)) return 'request_malformed';
  const bytes = head.headers.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
  if (head.headers.length > headersMax || bytes > headerBytesMax) return 'request_malformed';
  if (!head.headers.every(({ name, value }) => fieldName.test(name) && fieldValue.test(value)))
    return 'header_malformed';
  return hostRefusal(head.authority);
}

/** The headers of the stream to the connector: the caller's, cleaned, and what this edge asserts (spec §2.1, §3.1). */
export function connectorRequestHeaders(head: tunnel.HttpRequestHead, trace: TraceContext): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ':method': head.method,
    ':scheme': 'https',
    ':authority': head.authority,
    ':path': head.path,
  };
  const pairs = head.headers.map(({ name, value }): HeaderPair => [name, value]);
  for (const [name, value] of forwardableRequestHeaders(pairs)) append(headers, name, value);
  // Go's transport would ask for gzip on its own, decode it and drop the length (spec §3.1).
  headers['accept-encoding'] ??= 'identity';
  headers['x-forwarded-proto'] = 'https';
  headers['x-forwarded-host'] = head.authority;
  headers['cf-ray'] = `${randomBytes(8).toString('hex')}-SLP`;
  if (head.clientIp !== '') {
    headers['x-forwarded-for'] = head.clientIp;
    headers['cf-connecting-ip'] = head.clientIp;
  }
  headers['traceparent'] = trace.traceparent;
  if (trace.tracestate === undefined) delete headers['tracestate'];
  else headers['tracestate'] = trace.tracestate;
  if (head.websocket) {
    headers[upgradeHeader] = 'websocket';
    const key = headers['sec-websocket-key'];
    if (typeof key !== 'string' || !isWebsocketKey(key))
      headers['sec-websocket-key'] = randomBytes(16).toString('base64');
    headers['sec-websocket-version'] = '13';
    delete headers['content-length'];
  }
  return headers;
}

function append(headers: OutgoingHttpHeaders, name: string, value: string): void {
  const present = headers[name];
  if (present === undefined) headers[name] = value;
  else if (Array.isArray(present)) present.push(value);
  else headers[name] = [String(present), value];
}
