import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  AgentProtocolError,
  BodyWriter,
  decodeReply,
  encodeFrame,
  type Entry,
  type Frame,
  frameBodyBytesMax,
  FrameDecoder,
  type RequestType,
} from './agent-frames.ts';

const headerBytes = 9;
const entryBytesMin = 25;

/** What came out before the bytes were refused, bodies as text so that they compare. */
function decode(chunks: readonly Uint8Array[]): { frames: object[]; refused: boolean } {
  const decoder = new FrameDecoder();
  const frames: object[] = [];
  try {
    for (const chunk of chunks) {
      for (const { type, call, body } of decoder.push(chunk)) {
        frames.push({ type, call, body: Buffer.from(body).toString('hex') });
      }
    }
  } catch (error) {
    expect(error).toBeInstanceOf(AgentProtocolError);
    return { frames, refused: true };
  }
  return { frames, refused: false };
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const frame = fc.record({
  type: fc.oneof(fc.integer({ min: 60, max: 75 }), fc.nat(255)),
  call: fc.nat(0xffff_ffff),
  body: fc.uint8Array({ maxLength: 80 }),
});

const stream = fc
  .tuple(fc.array(frame, { maxLength: 5 }), fc.uint8Array({ maxLength: 12 }))
  .map(([frames, tail]) =>
    Buffer.concat([...frames.map(({ type, call, body }) => encodeFrame(type as RequestType, call, body)), tail]),
  );

const cuts = fc.array(fc.nat(), { maxLength: 8 });

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), cuts, (frames, at) => {
        const bytes = Buffer.concat(frames.map(({ type, call, body }) => encodeFrame(type as RequestType, call, body)));
        const expected = frames.map(({ type, call, body }) => ({
          type,
          call,
          body: Buffer.from(body).toString('hex'),
        }));
        expect(decode(cutAt(bytes, at))).toEqual({ frames: expected, refused: false });
      }),
      { numRuns: 1000 },
    );
  });

  it('of hostile bytes are the same in one piece and in many, and hold no more than came in', () => {
    fc.assert(
      fc.property(fc.oneof(stream, fc.uint8Array({ maxLength: 60 })), cuts, (bytes, at) => {
        const whole = decode([bytes]);
        const split = decode(cutAt(bytes, at));
        expect(split.refused).toBe(whole.refused);
        if (!whole.refused) expect(split.frames).toEqual(whole.frames);
        expect(split.frames.length).toBeLessThanOrEqual(bytes.length / headerBytes);
      }),
      { numRuns: 3000 },
    );
  });

  it('claim no more than their bound before a byte of their body has come', () => {
    const least = frameBodyBytesMax + headerBytes - 3;
    fc.assert(
      fc.property(fc.integer({ min: least, max: 0xffff_ffff }), (length) => {
        const header = Buffer.alloc(headerBytes);
        header.writeUInt32LE(length);
        expect(() => new FrameDecoder().push(header)).toThrow(AgentProtocolError);
      }),
      { examples: [[least]] },
    );
  });
});

const entry: fc.Arbitrary<Entry> = fc.record({
  path: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.toWellFormed()),
  type: fc.constantFrom('file', 'dir', 'link', 'other'),
  size: fc.maxSafeNat(),
  mtimeMs: fc.nat(),
});

function encodeEntries(entries: readonly Entry[]): Buffer {
  const writer = new BodyWriter();
  for (const { type, size, mtimeMs, path } of entries) {
    writer
      .u32(1 + ['file', 'dir', 'link', 'other'].indexOf(type))
      .u64(size)
      .u64(mtimeMs * 1000)
      .string(path);
  }
  return writer.bytes();
}

describe('replies', () => {
  it('of a walk come out as the agent writes them', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
        const body = encodeEntries(entries);
        expect(decodeReply({ type: 69, call: 1, body })).toEqual({ type: 'entries', entries });
      }),
      { numRuns: 500 },
    );
  });

  it('of hostile bytes are read or refused, and never larger than their frame', () => {
    const damaged = fc
      .tuple(fc.array(entry, { maxLength: 4 }), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([entries, changes, end]) => {
        const body = encodeEntries(entries);
        for (const [at, byte] of changes) if (body.length > 0) body[at % body.length] = byte;
        return body.subarray(0, end % 3 === 0 ? end % (body.length + 1) : body.length);
      });
    const type = fc.oneof(fc.integer({ min: 64, max: 72 }), fc.constant(69), fc.nat(255));
    const body = fc.oneof(damaged, fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(type, body, (type, body) => {
        const frame: Frame = { type, call: 1, body };
        try {
          const reply = decodeReply(frame);
          if (reply.type === 'entries') expect(reply.entries.length).toBeLessThanOrEqual(body.length / entryBytesMin);
        } catch (error) {
          expect(error).toBeInstanceOf(AgentProtocolError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
