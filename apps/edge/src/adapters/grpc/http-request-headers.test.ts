import { describe, expect, it } from 'vitest';

import { connectorRequestHeaders, headRefusal } from './http-request-headers.ts';

const head = {
  tunnelId: 'tnl_1',
  method: 'POST',
  authority: 'a.example.com',
  path: '/mcp?x=1',
  headers: [] as { name: string; value: string }[],
  clientIp: '203.0.113.9',
  websocket: false,
  endOfBody: false,
};
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

describe('the head of a request', () => {
  it('asserts the caller, whatever the caller asserts', () => {
    const headers = connectorRequestHeaders(
      {
        ...head,
        headers: [
          { name: 'X-Forwarded-For', value: '1.1.1.1' },
          { name: 'cf-cloudflared-proxy-src', value: '1.1.1.1' },
          { name: 'CF-Cloudflared-Proxy-Connection-Upgrade', value: 'update-configuration' },
          { name: 'Sallyport-Raw-Stream', value: '1' },
          { name: 'accept', value: 'a' },
          { name: 'accept', value: 'b' },
          { name: 'tracestate', value: 'x=y' },
        ],
      },
      trace,
    );
    expect(headers).toMatchObject({
      ':authority': 'a.example.com',
      'x-forwarded-for': '203.0.113.9',
      'cf-connecting-ip': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'accept-encoding': 'identity',
      accept: ['a', 'b'],
      traceparent: trace.traceparent,
    });
    expect(headers['cf-ray']).toMatch(/^[0-9a-f]{16}-SLP$/);
    for (const name of [
      'cf-cloudflared-proxy-src',
      'cf-cloudflared-proxy-connection-upgrade',
      'sallyport-raw-stream',
      'tracestate',
    ]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('makes a WebSocket request of one, with a key where the caller sent none', () => {
    const headers = connectorRequestHeaders({ ...head, method: 'GET', websocket: true }, trace);
    expect(headers['cf-cloudflared-proxy-connection-upgrade']).toBe('websocket');
    expect(headers['sec-websocket-key']).toMatch(/^[A-Za-z0-9+/]{22}==$/);
  });

  it.each([
    { method: '' },
    { method: 'CONNECT' },
    { method: 'G T' },
    { path: '/%zz' },
    { path: 'x' },
    { authority: 'UPPER' },
    { authority: 'management.argotunnel.com' },
    { websocket: true, method: 'POST' },
    { headers: Array.from({ length: 201 }, () => ({ name: 'a', value: 'b' })) },
    { headers: [{ name: 'a b', value: 'x' }] },
    { headers: [{ name: 'a', value: 'x\r\ny: z' }] },
    { headers: [{ name: 'a', value: '\u0142' }] },
    { headers: [{ name: 'a', value: 'x'.repeat(70_000) }] },
  ])('refuses %j', (part) => {
    expect(headRefusal({ ...head, ...part })).toBeDefined();
  });

  it('takes an ordinary one', () => {
    expect(headRefusal(head)).toBeUndefined();
  });
});
