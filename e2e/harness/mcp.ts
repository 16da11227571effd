const modernVersion = '2026-07-28';
const legacyVersion = '2025-11-25';
const prefix = 'io.modelcontextprotocol/';

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON body, or the last message of an event stream. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what comes back is compared with expectations, field by field
  readonly message: any;
}

export const modernMeta = { [`${prefix}protocolVersion`]: modernVersion, [`${prefix}clientCapabilities`]: {} };

export function modernHeaders(method: string, name?: string): Record<string, string> {
  return {
    'mcp-protocol-version': modernVersion,
    'mcp-method': method,
    ...(name === undefined ? {} : { 'mcp-name': name }),
  };
}

export const legacyHeaders = { 'mcp-protocol-version': legacyVersion };

/** Posts a body as it is. */
export async function post(
  url: string,
  key: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Sent> {
  const response = await open(url, key, body, headers, signal);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, message: messageOf(text) };
}

export function open(
  url: string,
  key: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof body === 'string' ? body : new Uint8Array(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

export function callBody(
  name: string,
  args: unknown = {},
  id: number | string = 1,
  meta: unknown = modernMeta,
): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args, ...(meta === null ? {} : { _meta: meta }) },
  });
}

/** A modern tool call. */
export function call(url: string, key: string, name: string, args: unknown = {}, signal?: AbortSignal): Promise<Sent> {
  return post(url, key, callBody(name, args), modernHeaders('tools/call', name), signal);
}

export function callIdOf(sent: { readonly headers: Headers }): string {
  return sent.headers.get('sallyport-call-id') ?? '';
}

function messageOf(text: string): unknown {
  const data = text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .at(-1);
  try {
    return JSON.parse(data === undefined ? text : data.slice(5));
  } catch {
    return undefined;
  }
}
