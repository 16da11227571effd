import type { RestAnswer } from '@sallyport/nest-runtime';

/** Error types of the public API, by status. */
const typeByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  409: 'conflict_error',
  413: 'request_too_large',
  415: 'invalid_request_error',
  429: 'rate_limit_error',
  500: 'api_error',
  503: 'api_error',
  504: 'timeout_error',
};

export function json(value: unknown): RestAnswer {
  return { status: 200, json: value };
}

/** One JSON value a line, as it comes. */
export function jsonLines(values: AsyncIterable<unknown>): RestAnswer {
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, stream: lines(values) };
}

async function* lines(values: AsyncIterable<unknown>): AsyncIterable<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

/** The error envelope of the public API; `request_id` is filled in where the answer leaves. */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): RestAnswer {
  const type = typeByStatus[status] ?? 'api_error';
  const final = status === 409 ? { 'x-should-retry': 'false' } : {};
  return {
    status,
    headers: { ...final, ...headers },
    json: { type: 'error', error: { type, message, details: { error_code: code } }, request_id: null },
  };
}
