import { describe, expect, it } from 'vitest';

import { originRequestHeaders } from './origin-request-headers.ts';

const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };

describe('headers for a service', () => {
  it('drops hop-by-hop and tunnel headers, keeps the rest, continues the trace', () => {
    const headers = originRequestHeaders(
      {
        host: 'a.example.com',
        headers: [
          ['connection', 'x-hop'],
          ['x-hop', '1'],
          ['te', 'trailers'],
          ['expect', '100-continue'],
          ['cf-cloudflared-proxy-connection-upgrade', 'websocket'],
          ['sallyport-raw-stream', '1'],
          ['traceparent', 'old'],
          ['authorization', 'kept'],
          ['cookie', '1'],
          ['cookie', '2'],
        ],
      },
      '',
      trace,
    );
    expect(headers).toEqual([
      ['host', 'a.example.com'],
      ['authorization', 'kept'],
      ['cookie', '1'],
      ['cookie', '2'],
      ['traceparent', trace.traceparent],
      ['tracestate', 'a=b'],
    ]);
  });

  it('replaces Host where the rule says so, and says what it was', () => {
    const headers = originRequestHeaders(
      { host: 'a.example.com', headers: [['x-forwarded-host', 'forged']] },
      'in.local',
      {
        traceparent: trace.traceparent,
      },
    );
    expect(headers).toEqual([
      ['host', 'in.local'],
      ['x-forwarded-host', 'a.example.com'],
      ['traceparent', trace.traceparent],
    ]);
  });
});
