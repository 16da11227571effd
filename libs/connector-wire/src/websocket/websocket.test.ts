import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isWebsocketKey, websocketAccept } from './websocket-accept.ts';
import { WebsocketFrameDecoder } from './websocket-frame-decoder.ts';
import { encodeWebsocketClose, encodeWebsocketFrame, opcode } from './websocket-frame.ts';

function recorder(peer: 'client' | 'server') {
  const seen = { data: [] as Buffer[], pings: [] as string[], closes: [] as number[] };
  const decoder = new WebsocketFrameDecoder(peer, {
    data: (bytes) => void seen.data.push(Buffer.from(bytes)),
    ping: (payload) => void seen.pings.push(payload.toString()),
    close: (code) => void seen.closes.push(code),
  });
  return { decoder, seen, bytes: () => Buffer.concat(seen.data) };
}

describe('accept key', () => {
  it('is that of RFC 6455 §1.3', () => {
    expect(websocketAccept('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(isWebsocketKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe(true);
    expect(isWebsocketKey('short==')).toBe(false);
  });
});

describe('frames', () => {
  it('are those of RFC 6455 §5.7', () => {
    expect(encodeWebsocketFrame(opcode.text, Buffer.from('Hello'), undefined).toString('hex')).toBe('810548656c6c6f');
    const masked = encodeWebsocketFrame(opcode.text, Buffer.from('Hello'), 0x37fa213d);
    expect(masked.toString('hex')).toBe('818537fa213d7f9f4d5158');
    const long = encodeWebsocketFrame(opcode.binary, Buffer.alloc(256), undefined);
    expect(long.subarray(0, 4).toString('hex')).toBe('827e0100');
    const longer = encodeWebsocketFrame(opcode.binary, Buffer.alloc(65_536), undefined);
    expect(longer.subarray(0, 10).toString('hex')).toBe('827f0000000000010000');
  });

  it('survive any cut, masked or not', () => {
    const sizes = fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 65_535, 65_536, 70_001));
    fc.assert(
      fc.property(
        fc.array(sizes, { maxLength: 5 }),
        fc.boolean(),
        fc.nat(0xffffffff),
        fc.array(fc.nat(80_000), { maxLength: 8 }),
        (lengths, masked, mask, cuts) => {
          const parts = lengths.map((length, index) => Buffer.alloc(length, index + 1));
          const frames = parts.map((part) => encodeWebsocketFrame(opcode.binary, part, masked ? mask : undefined));
          const stream = Buffer.concat(frames);
          const { decoder, bytes } = recorder(masked ? 'client' : 'server');
          let at = 0;
          for (const cut of [...cuts, stream.length].sort((left, right) => left - right)) {
            expect(decoder.push(stream.subarray(at, cut))).toBeUndefined();
            at = Math.max(at, Math.min(cut, stream.length));
          }
          expect(bytes().equals(Buffer.concat(parts))).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('joins fragments and hears control frames between them', () => {
    const { decoder, seen, bytes } = recorder('server');
    const stream = Buffer.concat([
      Buffer.from('020161', 'hex'),
      encodeWebsocketFrame(opcode.ping, Buffer.from('hi'), undefined),
      Buffer.from('000162', 'hex'),
      encodeWebsocketFrame(opcode.pong, Buffer.alloc(0), undefined),
      Buffer.from('800163', 'hex'),
      encodeWebsocketClose(1000, undefined),
      Buffer.from('820164', 'hex'),
    ]);
    for (const byte of stream) expect(decoder.push(Buffer.from([byte]))).toBeUndefined();
    expect(bytes().toString()).toBe('abc');
    expect(seen.pings).toEqual(['hi']);
    expect(seen.closes).toEqual([1000]);
  });

  it('hands on the start of a huge frame without waiting for its end', () => {
    const { decoder, bytes } = recorder('server');
    expect(decoder.push(Buffer.from('827f0000010000000000616263', 'hex'))).toBeUndefined();
    expect(bytes().toString()).toBe('abc');
  });

  it.each([
    ['client', '820161', 'not-masked'],
    ['server', '828100000000ff', 'masked'],
    ['server', 'c20161', 'reserved-bits'],
    ['server', '830161', 'unknown-opcode'],
    ['server', '810161', 'text-message'],
    ['server', '800161', 'continuation-without-start'],
    ['server', '020161020161', 'start-inside-message'],
    ['server', '0900', 'control-frame-fragmented'],
    ['server', '897e0080', 'control-frame-too-long'],
    ['server', '827e0001', 'bad-length'],
    ['server', '827f0000000000000001', 'bad-length'],
    ['server', '827fffffffffffffffff', 'bad-length'],
  ] as const)('from a %s, %s is %s', (peer, hex, refusal) => {
    const { decoder } = recorder(peer);
    expect(decoder.push(Buffer.from(hex, 'hex'))).toBe(refusal);
    expect(decoder.push(Buffer.from('820161', 'hex'))).toBe(refusal);
  });

  it('never throws and never hands on more than it was given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom('client', 'server'), (bytes, peer) => {
        const { decoder, bytes: got } = recorder(peer);
        decoder.push(Buffer.from(bytes));
        expect(got().length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});
