import assert from 'node:assert/strict';

import { CapnpFrameDecoder, messageBytesMax } from '@sallyport/connector-wire';

import { chunkings } from '../chunkings.ts';

export const bytesMax = 4096;

const wordBytes = 8;
const segmentsMax = 64;

/** The standard framing, read the plain way from bytes that are all there. */
function model(bytes: Buffer): { readonly messages: readonly string[]; readonly refusal: string | undefined } {
  const messages: string[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const count = bytes.readUInt32LE(at) + 1;
    if (count > segmentsMax) return { messages, refusal: 'too-many-segments' };
    if (bytes.length - at < 4 + 4 * count) break;
    const words = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(at + 4 + 4 * index));
    const header = 4 + 4 * count + (count % 2 === 0 ? 4 : 0);
    const total = header + wordBytes * words.reduce((sum, size) => sum + size, 0);
    if (total > messageBytesMax) return { messages, refusal: 'message-too-large' };
    if (words[0] === 0) return { messages, refusal: 'empty-message' };
    if (bytes.length - at < total) break;
    let from = at + header;
    const segments = words.map((size) => bytes.subarray(from, (from += size * wordBytes)).toString('hex'));
    messages.push(segments.join('|'));
    at += total;
  }
  return { messages, refusal: undefined };
}

function decode(chunks: readonly Buffer[]): ReturnType<typeof model> {
  const decoder = new CapnpFrameDecoder();
  const messages: string[] = [];
  for (const chunk of chunks) {
    const pushed = decoder.push(chunk, (segments) => {
      messages.push(segments.map((segment) => segment.toString('hex')).join('|'));
      return true;
    });
    if (pushed.ok) continue;
    const again = decoder.push(Buffer.alloc(0), () => assert.fail('a refused stream goes on'));
    assert.deepEqual(again, pushed);
    return { messages, refusal: pushed.reason };
  }
  return { messages, refusal: undefined };
}

/** Segment framing of Cap'n Proto: the decoder agrees with the plain reading, however the bytes are cut. */
export function fuzz(bytes: Uint8Array): void {
  const expected = model(Buffer.from(bytes));
  assert.deepEqual(decode([Buffer.from(bytes)]), expected);
  for (const chunks of chunkings(bytes)) assert.deepEqual(decode(chunks), expected);
}
