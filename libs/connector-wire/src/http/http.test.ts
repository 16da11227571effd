import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { forwardableRequestHeaders, forwardableResponseHeaders } from './header-hygiene.ts';
import {
  connectorMeta,
  decodeResponseHeaders,
  decodeResponseMeta,
  encodeResponseHeaders,
  originMeta,
  responseHeadersBytesMax,
} from './response-headers.ts';
import { streamKind } from './stream-kind.ts';

describe('request hygiene', () => {
  const forged = [
    'cf-cloudflared-proxy-connection-upgrade',
    'CF-Cloudflared-Proxy-Src',
    'cf-int-anything',
    'cf-proxy-x',
    'cf-warp-tag-id',
    'cf-trace-id',
    'uber-trace-id',
    'cf-access-jump-destination',
    'cf-connecting-ip',
    'x-forwarded-for',
    'X-Forwarded-Host',
    'cf-ray',
    'cf-access-jwt-assertion',
    'forwarded',
    'sallyport-raw-stream',
    'Sallyport-Call-Id',
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'trailer',
    'upgrade',
    'http2-settings',
    'host',
    ':authority',
    ':path',
    '',
  ];

  it.each(forged)('deletes %s', (name) => {
    expect(forwardableRequestHeaders([[name, 'x']])).toEqual([]);
  });

  it('deletes what connection names, in any case and from several fields', () => {
    const headers = forwardableRequestHeaders([
      ['Connection', 'X-Secret, close'],
      ['connection', 'x-other'],
      ['x-secret', '1'],
      ['X-Other', '2'],
      ['X-Kept', '3'],
    ]);
    expect(headers).toEqual([['x-kept', '3']]);
  });

  it('keeps ordinary headers, repeated ones, trace context and te: trailers', () => {
    const kept = [
      ['accept', 'a'],
      ['cookie', '1'],
      ['cookie', '2'],
      ['te', 'trailers'],
      ['traceparent', '00-0-0-00'],
      ['sec-websocket-key', 'k'],
    ] as const;
    expect(forwardableRequestHeaders([...kept, ['te', 'gzip']])).toEqual(kept);
  });
});

describe('response hygiene', () => {
  it('deletes hop-by-hop and internal fields and keeps repeated ones', () => {
    const headers = forwardableResponseHeaders(
      [
        ['Connection', 'keep-alive'],
        ['Keep-Alive', 'x'],
        ['Transfer-Encoding', 'chunked'],
        ['Upgrade', 'h2c'],
        ['cf-int-x', '1'],
        ['sallyport-call-id', 'forged'],
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ],
      false,
    );
    expect(headers).toEqual([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
  });

  it('writes the upgrade of a WebSocket answer itself', () => {
    const headers = forwardableResponseHeaders(
      [
        ['Sec-Websocket-Accept', 'x'],
        ['Upgrade', 'websocket'],
      ],
      true,
    );
    expect(headers).toEqual([
      ['sec-websocket-accept', 'x'],
      ['connection', 'Upgrade'],
      ['upgrade', 'websocket'],
    ]);
  });
});

describe('serialised response headers', () => {
  it('encodes without padding and decodes the same pairs', () => {
    expect(
      encodeResponseHeaders([
        ['Content-Type', 'text/plain'],
        ['a', ''],
      ]),
    ).toEqual({
      ok: true,
      value: 'Q29udGVudC1UeXBl:dGV4dC9wbGFpbg;YQ:',
    });
    const name = fc.stringMatching(/^[a-z][a-z-]{0,12}$/).filter((text) => !text.startsWith('cf-'));
    const value = fc.stringMatching(/^[\u0020-\u007e\u0080-\u00ff]{0,40}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (headers) => {
        const block = encodeResponseHeaders(headers);
        expect(block.ok && decodeResponseHeaders(block.value)).toEqual({ ok: true, value: headers });
      }),
    );
  });

  it('leaves internal names out', () => {
    expect(encodeResponseHeaders([['CF-Cloudflared-Response-Meta', 'x']])).toEqual({ ok: true, value: '' });
  });

  it('refuses a block that would wedge an edge', () => {
    const fits = encodeResponseHeaders([['a', 'x'.repeat(44_000)]]);
    expect(fits.ok && fits.value.length <= responseHeadersBytesMax).toBe(true);
    expect(encodeResponseHeaders([['a', 'x'.repeat(46_000)]])).toEqual({
      ok: false,
      reason: 'response-headers-too-large',
    });
  });

  it.each(['x', ':', '!:x', 'YQ:YQ;', 'YQ:YQ,YQ:YQ', `${b64('a b')}:YQ`, `YQ:${b64('x\r\ny: z')}`, `${b64(':s')}:YQ`])(
    'refuses %s',
    (block) => {
      expect(decodeResponseHeaders(block)).toEqual({ ok: false, reason: 'response-headers-malformed' });
    },
  );

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void decodeResponseHeaders(text)));
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void decodeResponseMeta(text)));
  });

  it('takes only a clear origin as origin', () => {
    expect(decodeResponseMeta(originMeta).source).toBe('origin');
    expect(decodeResponseMeta('{"src": "origin"}').source).toBe('origin');
    for (const text of [connectorMeta, '', '{', 'null', '[]', undefined]) {
      expect(decodeResponseMeta(text).source).toBe('connector');
    }
  });
});

describe('stream kinds', () => {
  it('follows the order of the specification', () => {
    const upgrade = 'cf-cloudflared-proxy-connection-upgrade';
    const source = 'cf-cloudflared-proxy-src';
    expect(streamKind({ [upgrade]: 'update-configuration', [source]: '1.2.3.4' })).toBe('configuration');
    expect(streamKind({ [upgrade]: 'websocket', [source]: '1.2.3.4' })).toBe('websocket');
    expect(streamKind({ [upgrade]: 'control-stream', [source]: '1.2.3.4' })).toBe('tcp');
    expect(streamKind({ [upgrade]: 'control-stream', [source]: '' })).toBe('control');
    expect(streamKind({ [upgrade]: 'Websocket' })).toBe('http');
    expect(streamKind({})).toBe('http');
  });
});

function b64(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64').replaceAll('=', '');
}
