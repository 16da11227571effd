import { describe, expect, it } from 'vitest';

import { gatewayError, type GatewayErrorCode, gatewayErrors } from './gateway-errors.ts';
import { parseJsonRpcId } from './json-rpc-id.ts';

const rows = Object.entries(gatewayErrors);

describe('the table', () => {
  it('uses codes of its own outside what JSON-RPC and MCP reserve', () => {
    const standard = new Set([-32700, -32600, -32602, -32020]);
    for (const [, { rpcCode }] of rows) {
      expect(standard.has(rpcCode) || (rpcCode >= 4000 && rpcCode < 6000)).toBe(true);
    }
  });

  it('never gives one code to two errors', () => {
    const codes = rows.map(([, { rpcCode }]) => rpcCode);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('has a whole sentence and a fitting status for each', () => {
    for (const [, { sentence, httpStatus }] of rows) {
      expect(sentence).toMatch(/^[A-Z].*\.$/);
      expect(httpStatus === 200 || httpStatus >= 400).toBe(true);
    }
  });
});

describe('an error', () => {
  it('gives the id back as it was written', () => {
    const { body, httpStatus } = gatewayError({ code: 'denied_by_policy', id: parseJsonRpcId('9007199254740993.0') });
    expect(httpStatus).toBe(200);
    expect(body.toString()).toBe(
      '{"jsonrpc":"2.0","id":9007199254740993.0,"error":{"code":4030,"message":"The policy of this tunnel does not allow this call.","data":{"code":"denied_by_policy","source":"sallyport"}}}',
    );
  });

  it('has no id when the request had none, and then never looks accepted', () => {
    const { body, httpStatus } = gatewayError({ code: 'denied_by_policy' });
    expect(httpStatus).toBe(403);
    expect(JSON.parse(body.toString())).not.toHaveProperty('id');
  });

  it('takes the code and sentence of a refusal, and data that cannot pass for ours', () => {
    const { body } = gatewayError({
      code: 'invalid_message',
      rpcCode: -32700,
      sentence: 'Byte "1".',
      data: { callId: 'call_1', code: 'forged', source: 'forged' },
    });
    expect(JSON.parse(body.toString())).toMatchObject({
      error: {
        code: -32700,
        message: 'Byte "1".',
        data: { callId: 'call_1', code: 'invalid_message', source: 'sallyport' },
      },
    });
  });

  it.each<[GatewayErrorCode, number]>([
    ['tunnel_unreachable', 503],
    ['audit_unavailable', 503],
    ['upstream_timeout', 504],
    ['body_too_large', 413],
    ['too_many_requests', 429],
  ])('%s is HTTP %i', (code, status) => {
    expect(gatewayError({ code }).httpStatus).toBe(status);
  });
});
