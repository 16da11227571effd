import { tunnel } from '@sallyport/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { byteStreamMethod } from './byte-stream-codec.ts';

const generated = tunnel.TunnelServiceService.openByteStream;

describe('codec of the byte stream', () => {
  it('reads and writes data exactly as the generated code does', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(0, 127, 128, 16_383, 16_384, 65_536, 2_097_152).map((length) => new Uint8Array(length)),
    );
    fc.assert(
      fc.property(payload, (bytes) => {
        const message = { message: { $case: 'data' as const, value: Buffer.from(bytes) } };
        const encoded = generated.responseSerialize(message);
        expect(byteStreamMethod.responseSerialize(message).equals(encoded)).toBe(true);
        const decoded = byteStreamMethod.requestDeserialize(encoded);
        expect(decoded.message?.$case === 'data' && decoded.message.value.equals(message.message.value)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('leaves open, several fields and broken input to the generated code', () => {
    const open = { message: { $case: 'open' as const, value: { tunnelId: 'tnl_1', host: 'h' } } };
    expect(byteStreamMethod.requestDeserialize(generated.requestSerialize(open))).toEqual(open);
    const twice = Buffer.from('120161120162', 'hex');
    expect(byteStreamMethod.requestDeserialize(twice).message?.value).toEqual(Buffer.from('b'));
    for (const broken of ['1205', '12ffffffffff', '12']) {
      expect(() => byteStreamMethod.requestDeserialize(Buffer.from(broken, 'hex'))).toThrow(/./);
    }
  });
});
