import { type Result, fail, ok } from '@sallyport/result';

import { type CapnpRefusal, messageBytesMax, segmentsMax } from './capnp-refusal.ts';

const wordBytes = 8;

/** The segments of one message: views that hold until the next `push`. */
export type CapnpSegments = readonly Buffer[];

/**
 * Cuts a byte stream into messages by the standard segment framing (unpacked). Chunks may be split or joined anywhere. Holds at
 * most one message of `messageBytesMax` and the last chunk. After a refusal the stream is unusable.
 */
export class CapnpFrameDecoder {
  #store = Buffer.alloc(0);
  #length = 0;
  #refused: CapnpRefusal | undefined;

  /** Hands every complete message to `onMessage`, which says whether to go on. */
  push(chunk: Uint8Array, onMessage: (segments: CapnpSegments) => boolean): Result<void, CapnpRefusal> {
    if (this.#refused !== undefined) return fail(this.#refused);
    this.#append(chunk);
    let at = 0;
    for (;;) {
      const frame = readFrame(this.#store.subarray(at, this.#length));
      if (!frame.ok) {
        this.#refused = frame.reason;
        return fail(frame.reason);
      }
      if (frame.value === undefined) break;
      at += frame.value.bytes;
      if (!onMessage(frame.value.segments)) break;
    }
    this.#store.copyWithin(0, at, this.#length);
    this.#length -= at;
    return ok(undefined);
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#store.length) {
      const grown = Buffer.alloc(Math.max(needed, Math.min(this.#store.length * 2, messageBytesMax)));
      this.#store.copy(grown, 0, 0, this.#length);
      this.#store = grown;
    }
    this.#store.set(chunk, this.#length);
    this.#length = needed;
  }
}

interface Frame {
  readonly segments: CapnpSegments;
  readonly bytes: number;
}

/** One message from the start of `bytes`, undefined where it is not complete yet. Limits hold before the bytes arrive. */
function readFrame(bytes: Buffer): Result<Frame | undefined, CapnpRefusal> {
  if (bytes.length < 4) return ok(undefined);
  const count = bytes.readUInt32LE(0) + 1;
  if (count > segmentsMax) return fail('too-many-segments');
  const headerBytes = Math.ceil((4 + 4 * count) / wordBytes) * wordBytes;
  if (bytes.length < 4 + 4 * count) return ok(undefined);
  let total = 0;
  for (let index = 0; index < count; index += 1) total += bytes.readUInt32LE(4 + 4 * index) * wordBytes;
  if (headerBytes + total > messageBytesMax) return fail('message-too-large');
  if (bytes.readUInt32LE(4) === 0) return fail('empty-message');
  if (bytes.length < headerBytes + total) return ok(undefined);
  const segments: Buffer[] = [];
  let at = headerBytes;
  for (let index = 0; index < count; index += 1) {
    const end = at + bytes.readUInt32LE(4 + 4 * index) * wordBytes;
    segments.push(bytes.subarray(at, end));
    at = end;
  }
  return ok({ segments, bytes: at });
}
