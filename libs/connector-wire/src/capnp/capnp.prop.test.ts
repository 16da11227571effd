import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ConnectorControlSession } from '../rpc/connector-control-session.ts';
import { EdgeControlSession } from '../rpc/edge-control-session.ts';
import { encodeRegistrationCall } from '../rpc/registration.ts';
import { encodeBootstrap } from '../rpc/rpc-replies.ts';
import { CapnpFrameDecoder } from './capnp-frame-decoder.ts';
import { CapnpMessage } from './capnp-reader.ts';
import { CapnpWriter } from './capnp-writer.ts';

const valid = Buffer.concat([
  encodeBootstrap(0),
  encodeRegistrationCall(1, 0, {
    accountTag: 'a',
    tunnelSecret: Buffer.alloc(32, 1),
    tunnelUuid: Buffer.alloc(16, 2),
    connectionIndex: 1,
    clientUuid: Buffer.alloc(16, 3),
    features: ['one', 'two'],
    version: 'v',
    architecture: 'x',
    originLocalIp: Buffer.alloc(4),
    previousAttempts: 0,
  }),
]);

/** Gives the bytes to both ends; a throw fails the property. */
function feed(bytes: Uint8Array, cut: number): void {
  for (const session of [new EdgeControlSession(), new ConnectorControlSession()]) {
    const first = session.receive(bytes.subarray(0, cut));
    if (first.ok) session.receive(bytes.subarray(cut));
  }
}

describe('hostile control streams', () => {
  it('random bytes are refused or wait, never thrown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(400), (bytes, cut) => feed(bytes, cut)),
      { numRuns: 2000 },
    );
  });

  it('a framed message of random words is refused, never thrown', () => {
    const words = fc.array(
      fc.oneof(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.nat(64).map((small) => BigInt(small)),
      ),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(words, (content) => {
        const framed = Buffer.alloc(8 + content.length * 8);
        framed.writeUInt32LE(content.length, 4);
        content.forEach((word, index) => framed.writeBigUInt64LE(word, 8 + index * 8));
        feed(framed, 0);
      }),
      { numRuns: 3000 },
    );
  });

  it('valid bytes with flipped bits or cut short are refused or understood, never thrown', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(valid.length * 8 - 1), { maxLength: 6 }),
        fc.nat(valid.length),
        fc.nat(valid.length),
        (flips, cut, length) => {
          const bytes = Buffer.from(valid.subarray(0, length));
          for (const bit of flips) {
            if (bit >> 3 < bytes.length) bytes[bit >> 3]! ^= 1 << (bit & 7);
          }
          feed(bytes, Math.min(cut, length));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('messages come out the same however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(valid.length), { maxLength: 10 }), (cuts) => {
        const session = new EdgeControlSession();
        const types: string[] = [];
        let at = 0;
        for (const cut of [...cuts, valid.length].sort((left, right) => left - right)) {
          const received = session.receive(valid.subarray(at, cut));
          at = cut;
          if (received.ok) types.push(...received.value.map((event) => event.type));
        }
        expect(types).toEqual(['reply', 'register']);
      }),
    );
  });
});

describe('limits', () => {
  function refusalOf(bytes: Buffer): unknown {
    const pushed = new CapnpFrameDecoder().push(bytes, () => true);
    return pushed.ok ? undefined : pushed.reason;
  }

  it('refuses a claimed size above the limit before the bytes arrive', () => {
    expect(refusalOf(Buffer.from('00000000ffffffff', 'hex'))).toBe('message-too-large');
    expect(refusalOf(Buffer.from('00000000ffff0100', 'hex'))).toBeUndefined();
    expect(refusalOf(Buffer.from('0000000000000200', 'hex'))).toBe('message-too-large');
    expect(refusalOf(Buffer.from('ffffffff', 'hex'))).toBe('too-many-segments');
    expect(refusalOf(Buffer.alloc(8))).toBe('empty-message');
  });

  it('stays refused after a refusal', () => {
    const decoder = new CapnpFrameDecoder();
    decoder.push(Buffer.from('ffffffff', 'hex'), () => true);
    expect(decoder.push(encodeBootstrap(0), () => true).ok).toBe(false);
  });

  it('follows single and double far pointers', () => {
    const content = Buffer.from('2a00000000000000', 'hex');
    const single = new CapnpMessage([
      Buffer.from('0200000001000000', 'hex'),
      Buffer.concat([Buffer.from('0000000001000000', 'hex'), content]),
    ]);
    expect(single.root().u8(0)).toBe(42);
    const double = new CapnpMessage([
      Buffer.from('0600000001000000', 'hex'),
      Buffer.from('02000000020000000000000001000000', 'hex'),
      content,
    ]);
    expect(double.root().u8(0)).toBe(42);
    expect(double.refusal).toBeUndefined();
    const loop = new CapnpMessage([Buffer.from('0200000000000000', 'hex')]);
    loop.root();
    expect(loop.refusal).toBe('bad-far-pointer');
  });

  it('bounds nesting and the work that shared pointers may cause', () => {
    // A struct whose only pointer is itself.
    const cycle = new CapnpMessage([Buffer.from('0000000000000100fcffffff00000100', 'hex')]);
    let struct = cycle.root();
    for (let depth = 0; depth < 40; depth += 1) struct = struct.struct(0);
    expect(cycle.refusal).toBe('nested-too-deep');

    const writer = new CapnpWriter();
    writer.root(0, 1).data(0, Buffer.alloc(100_000));
    const message = new CapnpMessage([writer.finish().subarray(8)]);
    const root = message.root();
    for (let read = 0; read < 100; read += 1) root.data(0);
    expect(message.refusal).toBe('traversed-too-much');
  });

  it('refuses a list of empty structs and text without its NUL', () => {
    const list = new CapnpMessage([Buffer.from('00000000000001000100000007000000fcffffff00000000', 'hex')]);
    expect(list.root().structList(0)).toEqual([]);
    expect(list.refusal).toBe('bad-list');
    const writer = new CapnpWriter();
    writer.root(0, 1).data(0, Buffer.from('abc'));
    const text = new CapnpMessage([writer.finish().subarray(8)]);
    expect(text.root().text(0)).toBe('');
    expect(text.refusal).toBe('bad-text');
  });
});
