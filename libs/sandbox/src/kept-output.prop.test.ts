import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptOutput } from './kept-output.ts';

describe('kept output', () => {
  it('is the beginning, the end and a count, however the output is cut', () => {
    const chunk = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), fc.nat(30), fc.nat(30), (chunks, headBytes, tailBytes) => {
        const streamed: Uint8Array[] = [];
        const kept = new KeptOutput({ headBytes, tailBytes }, (data) => streamed.push(data));
        for (const each of chunks) kept.add(Buffer.from(each));
        const whole = Buffer.concat(chunks);
        const { head, tail, omittedBytes } = kept.result();
        expect(Buffer.from(head)).toEqual(whole.subarray(0, headBytes));
        expect(Buffer.concat(streamed)).toEqual(Buffer.from(head));
        expect(head.length + tail.length + omittedBytes).toBe(whole.length);
        expect(Buffer.from(tail)).toEqual(whole.subarray(whole.length - tail.length));
        expect(tail.length).toBe(Math.min(tailBytes, Math.max(0, whole.length - headBytes)));
      }),
    );
  });
});
