import { describe, expect, it } from 'vitest';
import {
  AgentProtocolError,
  BodyWriter,
  decodeReply,
  encodeBlob,
  encodeFrame,
  type Frame,
  frameBodyBytesMax,
  FrameDecoder,
  requestType,
} from './agent-frames.ts';

/** A frame as the agent writes it. */
function reply(type: number, call: number, body: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.alloc(9 + body.length);
  frame.writeUInt32LE(5 + body.length, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt32LE(call, 5);
  frame.set(body, 9);
  return frame;
}

const numbers = (...values: number[]) => {
  const writer = new BodyWriter();
  for (const value of values) writer.u32(value);
  return writer.bytes();
};

describe('requests', () => {
  it('are length, type, call and body, little endian', () => {
    expect(encodeFrame(requestType.cancel, 0x01020304)).toEqual(Buffer.from('050000000504030201', 'hex'));
    const body = new BodyWriter()
      .u32(7)
      .u64(2 ** 40)
      .strings(['é', ''])
      .bytes();
    expect(body.toString('hex')).toBe('0700000000000000000100000200000002000000c3a9000000000000');
    expect(encodeFrame(requestType.read, 1, body).readUInt32LE(0)).toBe(5 + body.length);
  });

  it('refuse a body that is too large', () => {
    expect(() => encodeFrame(requestType.exec, 1, new Uint8Array(frameBodyBytesMax + 1))).toThrow(RangeError);
  });

  it.each([
    [0, 1],
    [1, 1],
    [frameBodyBytesMax, 1],
    [frameBodyBytesMax + 1, 2],
    [3 * frameBodyBytesMax, 3],
  ])('carry a blob of %i bytes in %i frames', (bytes, count) => {
    const frames = encodeBlob(1, new Uint8Array(bytes));
    expect(frames).toHaveLength(count);
    expect(frames.reduce((sum, frame) => sum + frame.length - 9, 0)).toBe(bytes);
  });
});

describe('replies', () => {
  const stream = Buffer.concat([reply(65, 3, Buffer.from('out')), reply(72, 4), reply(70, 5, Buffer.alloc(8, 1))]);

  it.each([1, 2, 3, 5, 9, 10, 13, 100])('are cut from pieces of %i bytes', (pieceBytes) => {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    for (let at = 0; at < stream.length; at += pieceBytes)
      frames.push(...decoder.push(stream.subarray(at, at + pieceBytes)));
    expect(frames.map(({ type, call, body }) => [type, call, body.length])).toEqual([
      [65, 3, 3],
      [72, 4, 0],
      [70, 5, 8],
    ]);
  });

  it.each([0, 4, frameBodyBytesMax + 6, 0xffff_ffff])('are refused with a length of %i', (length) => {
    const frame = reply(72, 1);
    frame.writeUInt32LE(length, 0);
    expect(() => new FrameDecoder().push(frame)).toThrow(AgentProtocolError);
  });

  const decoded = (type: number, body?: Uint8Array) => decodeReply({ type, call: 1, body: body ?? new Uint8Array() });

  it('are decoded', () => {
    expect(decoded(64, numbers(1))).toEqual({ type: 'ready', version: 1 });
    expect(decoded(65, Buffer.from('x'))).toMatchObject({ type: 'output' });
    expect(decoded(67, numbers(1, 9, 137, 5, 0, 2_500, 0))).toEqual({
      type: 'ended',
      cause: 'timeout',
      signal: 9,
      code: 137,
      omittedBytes: 5,
      durationMs: 2.5,
    });
    expect(decoded(70)).toEqual({ type: 'done', value: 0 });
    expect(decoded(71, numbers(2))).toEqual({ type: 'failed', errno: 2 });
    const entry = new BodyWriter().u32(2).u64(4_096).u64(1_500_000).string('ü').bytes();
    expect(decoded(69, Buffer.concat([entry, entry]))).toEqual({
      type: 'entries',
      entries: Array.from({ length: 2 }, () => ({ type: 'dir', size: 4_096, mtimeMs: 1_500, path: 'ü' })),
    });
  });

  it.each([
    ['an unknown type', 1, undefined],
    ['an unknown cause', 67, numbers(3, 0, 0, 0, 0, 0, 0)],
    ['a field that is cut off', 67, numbers(0, 0, 0, 0)],
    ['a number that is too large', 70, Buffer.alloc(8, 0xff)],
    ['a path longer than its frame', 69, Buffer.concat([numbers(1, 0, 0, 0, 0, 100), Buffer.from('x\0')])],
    ['an unknown type of entry', 69, new BodyWriter().u32(9).u64(0).u64(0).string('x').bytes()],
  ])('are refused with %s', (_, type, body) => {
    expect(() => decoded(type, body)).toThrow(AgentProtocolError);
  });
});
