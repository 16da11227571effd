/** Frames between the driver and the agent; `native/sallyport.h` is the other end, README.md the description. Integers are little endian. */

export const frameBodyBytesMax = 256 * 1024;
const headerBytes = 9;
export const protocolVersion = 1;

export const requestType = {
  setUp: 1,
  blob: 2,
  exec: 3,
  shell: 4,
  cancel: 5,
  restart: 6,
  read: 7,
  write: 8,
  walk: 9,
  shutdown: 11,
  probe: 12,
} as const;
export type RequestType = (typeof requestType)[keyof typeof requestType];

const replyType = {
  ready: 64,
  output: 65,
  tail: 66,
  ended: 67,
  data: 68,
  entries: 69,
  done: 70,
  failed: 71,
} as const;

export interface Frame {
  readonly type: number;
  readonly call: number;
  readonly body: Uint8Array;
}

/** What the agent sent is no frame, or none that may come here. The sandbox cannot be used any more. */
export class AgentProtocolError extends Error {
  override readonly name = 'AgentProtocolError';
}

export type Cause = 'ended' | 'timeout' | 'cancelled';
export type EntryType = 'file' | 'dir' | 'link' | 'other';

export interface Entry {
  readonly path: string;
  readonly type: EntryType;
  readonly size: number;
  readonly mtimeMs: number;
}

export type Reply =
  | { readonly type: 'ready'; readonly version: number }
  | { readonly type: 'output'; readonly data: Uint8Array }
  | { readonly type: 'tail'; readonly data: Uint8Array }
  | {
      readonly type: 'ended';
      readonly cause: Cause;
      /** 0 where it was none. */
      readonly signal: number;
      readonly code: number;
      readonly omittedBytes: number;
      readonly durationMs: number;
    }
  | { readonly type: 'data'; readonly data: Uint8Array }
  | { readonly type: 'entries'; readonly entries: readonly Entry[] }
  /** `value` is the size of a file that was read, 1 for a walk that was cut, else 0. */
  | { readonly type: 'done'; readonly value: number }
  | { readonly type: 'failed'; readonly errno: number };

export function encodeFrame(type: RequestType, call: number, body: Uint8Array = new Uint8Array()): Buffer {
  if (body.length > frameBodyBytesMax) throw new RangeError(`a frame's body has ${body.length} bytes`);
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(headerBytes - 4 + body.length, 0);
  frame.writeUInt8(type, 4);
  frame.writeUInt32LE(call, 5);
  frame.set(body, headerBytes);
  return frame;
}

/** The bytes that the next request takes: standard input, a command, the content of a file. */
export function encodeBlob(call: number, bytes: Uint8Array): Buffer[] {
  const frames: Buffer[] = [];
  let at = 0;
  do {
    frames.push(encodeFrame(requestType.blob, call, bytes.subarray(at, at + frameBodyBytesMax)));
    at += frameBodyBytesMax;
  } while (at < bytes.length);
  return frames;
}

export class BodyWriter {
  readonly #parts: Buffer[] = [];

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32LE(value);
    this.#parts.push(part);
    return this;
  }

  u64(value: number): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64LE(BigInt(value));
    this.#parts.push(part);
    return this;
  }

  /** Length, bytes, NUL; the caller has refused strings with a NUL inside. */
  string(text: string): this {
    const bytes = Buffer.from(text, 'utf8');
    this.u32(bytes.length);
    this.#parts.push(bytes, nul);
    return this;
  }

  strings(texts: readonly string[]): this {
    this.u32(texts.length);
    for (const text of texts) this.string(text);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const nul = Buffer.alloc(1);

class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.length);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#body.length;
  }

  u32(): number {
    return this.#body.readUInt32LE(this.#take(4));
  }

  u64(): number {
    const value = this.#body.readBigUInt64LE(this.#take(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new AgentProtocolError('a number is too large');
    return Number(value);
  }

  /** Bytes that are no UTF-8 are replaced. */
  string(): string {
    const length = this.u32();
    const start = this.#take(length + 1);
    return this.#body.toString('utf8', start, start + length);
  }

  #take(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#body.length) throw new AgentProtocolError('a field is cut off');
    this.#at = start + bytes;
    return start;
  }
}

/** Cuts a stream into frames. What is kept between two calls is less than one frame. */
export class FrameDecoder {
  #pieces: Buffer[] = [];
  #heldBytes = 0;
  /** Fewer bytes than this hold no frame, so that they need not be joined. */
  #neededBytes = headerBytes;

  push(chunk: Uint8Array): Frame[] {
    this.#pieces.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#neededBytes) return [];
    let rest = this.#pieces.length === 1 ? (this.#pieces[0] ?? nothing) : Buffer.concat(this.#pieces, this.#heldBytes);
    const frames: Frame[] = [];
    let needed = headerBytes;
    while (rest.length >= headerBytes) {
      const length = rest.readUInt32LE(0);
      if (length < headerBytes - 4 || length > frameBodyBytesMax + headerBytes - 4) {
        throw new AgentProtocolError(`a frame of ${length} bytes`);
      }
      needed = length + 4;
      if (rest.length < needed) break;
      frames.push({ type: rest.readUInt8(4), call: rest.readUInt32LE(5), body: rest.subarray(headerBytes, needed) });
      rest = rest.subarray(needed);
      needed = headerBytes;
    }
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    this.#neededBytes = needed;
    return frames;
  }
}

const nothing = Buffer.alloc(0);

const causes: readonly Cause[] = ['ended', 'timeout', 'cancelled'];
const entryTypes: readonly EntryType[] = ['file', 'dir', 'link', 'other'];

export function decodeReply(frame: Frame): Reply {
  const reader = new BodyReader(frame.body);
  switch (frame.type) {
    case replyType.ready:
      return { type: 'ready', version: reader.u32() };
    case replyType.output:
      return { type: 'output', data: frame.body };
    case replyType.tail:
      return { type: 'tail', data: frame.body };
    case replyType.ended:
      return {
        type: 'ended',
        cause: known(causes, reader.u32()),
        signal: reader.u32(),
        code: reader.u32(),
        omittedBytes: reader.u64(),
        durationMs: reader.u64() / 1000,
      };
    case replyType.data:
      return { type: 'data', data: frame.body };
    case replyType.entries:
      return { type: 'entries', entries: readEntries(reader) };
    case replyType.done:
      return { type: 'done', value: reader.isAtEnd ? 0 : reader.u64() };
    case replyType.failed:
      return { type: 'failed', errno: reader.u32() };
    default:
      throw new AgentProtocolError(`a reply of the unknown type ${frame.type}`);
  }
}

function readEntries(reader: BodyReader): Entry[] {
  const entries: Entry[] = [];
  while (!reader.isAtEnd) {
    const type = known(entryTypes, reader.u32() - 1);
    entries.push({ type, size: reader.u64(), mtimeMs: reader.u64() / 1000, path: reader.string() });
  }
  return entries;
}

function known<Value>(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new AgentProtocolError(`the unknown value ${index}`);
  return value;
}
