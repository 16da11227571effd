import { describe, expect, it } from 'vitest';
import { endFromAnswer } from './call-outcome.ts';

describe('how a call ended', () => {
  it.each([
    [
      { httpStatus: 200, message: { kind: 'result' } },
      { phase: 'completed', status: 'ok', effect: 'reported' },
    ],
    [
      { httpStatus: 200, message: { kind: 'result', isError: true } },
      { phase: 'failed', status: 'tool_error', effect: 'reported' },
    ],
    [
      { httpStatus: 200, message: { kind: 'result', resultType: 'input_required' } },
      { phase: 'completed', status: 'input_required', effect: 'none' },
    ],
    [
      { httpStatus: 200, message: { kind: 'result', resultType: 'task' } },
      { phase: 'completed', status: 'task', effect: 'reported' },
    ],
    [
      { httpStatus: 200, message: { kind: 'error', errorCode: -32602 } },
      { phase: 'failed', status: 'jsonrpc_error', code: '-32602', effect: 'unknown' },
    ],
    [
      { httpStatus: 404, message: { kind: 'error', errorCode: -32601 } },
      { phase: 'failed', status: 'jsonrpc_error', code: '-32601', effect: 'none' },
    ],
    [
      { httpStatus: 500, message: undefined },
      { phase: 'failed', status: 'http_error', code: 'http_500', effect: 'unknown' },
    ],
    [
      { httpStatus: 401, message: undefined },
      { phase: 'failed', status: 'http_error', code: 'http_401', effect: 'none' },
    ],
    [
      { httpStatus: 202, message: undefined },
      { phase: 'failed', status: 'invalid_response', effect: 'unknown' },
    ],
  ] as const)('%j', (seen, end) => {
    expect(endFromAnswer(seen)).toEqual(end);
  });
});
