import { describe, expect, it } from 'vitest';
import { forwardHeaders } from './forward-headers.ts';

describe('headers that go on to the private server', () => {
  it('keep what the client says to the server, in order and repeated', () => {
    const raw = [
      'Mcp-Param-Region',
      '=?base64?w7w=?=',
      'X-Custom',
      'a',
      'x-custom',
      'b',
      'Origin',
      'https://app.example',
    ];
    expect(forwardHeaders(raw, 'secret')).toEqual([
      ['mcp-param-region', '=?base64?w7w=?='],
      ['x-custom', 'a'],
      ['x-custom', 'b'],
      ['origin', 'https://app.example'],
      ['accept-encoding', 'identity'],
    ]);
  });

  it('never carry the credential, under whatever name', () => {
    const raw = ['Authorization', 'Bearer sk-1', 'X-Api-Key', 'sk-1', 'Cookie', 'a=b', 'X-Token', 'prefix sk-1 suffix'];
    expect(forwardHeaders(raw, 'sk-1')).toEqual([['accept-encoding', 'identity']]);
  });

  it('carry a token for the server where the credential came in X-Api-Key, and no key of ours', () => {
    const forwarded = (authorization: string) =>
      forwardHeaders(['X-Api-Key', 'sk-1', 'Authorization', authorization], 'sk-1').map(([name]) => name);
    expect(forwarded('Bearer of-the-server')).toEqual(['authorization', 'accept-encoding']);
    for (const own of [
      'Bearer sk-1',
      'Bearer sk-sallyport-other',
      'Basic c2stMQ==',
      'NTLM abc',
      'Bearer ek-sallyport-1',
    ])
      expect(forwarded(own)).toEqual(['accept-encoding']);
    expect(forwardHeaders(['Authorization', 'Bearer sk-1'], 'sk-1')).toEqual([['accept-encoding', 'identity']]);
    expect(forwardHeaders(['X-Other', 'sk-sallyport-other', 'X-Original-URL', '/x'], 'sk-1')).toHaveLength(1);
  });

  it('drop what only a gateway may assert, and what belongs to the connection', () => {
    const raw = [
      'X-Forwarded-For',
      '1.2.3.4',
      'Cf-Cloudflared-Proxy-Src',
      'x',
      'Sallyport-Call-Id',
      'x',
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Upgrade',
      'h2c',
      'Accept-Encoding',
      'gzip',
    ];
    expect(forwardHeaders(raw, 'sk-1')).toEqual([['accept-encoding', 'identity']]);
  });
});
