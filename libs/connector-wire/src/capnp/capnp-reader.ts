import { type CapnpRefusal, messageBytesMax, nestingMax } from './capnp-refusal.ts';
import type { CapnpSegments } from './capnp-frame-decoder.ts';

const wordBytes = 8;
/** Words that one message may make us visit: pointers may share targets, so the size alone bounds nothing. */
const traversalWordsMax = (messageBytesMax / wordBytes) * 4;

const kindStruct = 0;
const kindList = 1;
const kindFar = 2;
const kindOther = 3;
const elementBytes = 2;
const elementPointer = 6;
const elementComposite = 7;

interface Target {
  readonly kind: number;
  readonly segment: number;
  /** First word of the object. */
  readonly word: number;
  /** Upper half of the pointer: sizes of a struct, element size and count of a list, index of a capability. */
  readonly upper: number;
}

/**
 * A message that is read lazily. The first fault is kept in `refusal`; from then on every read gives zero or nothing, so a reader reads all it
 * wants and asks once. Never throws.
 */
export class CapnpMessage {
  readonly #segments: CapnpSegments;
  #wordsLeft = traversalWordsMax;
  #refusal: CapnpRefusal | undefined;

  constructor(segments: CapnpSegments) {
    this.#segments = segments;
  }

  get refusal(): CapnpRefusal | undefined {
    return this.#refusal;
  }

  root(): CapnpStruct {
    return this.structAt(0, 0, 0);
  }

  refuse(refusal: CapnpRefusal): undefined {
    this.#refusal ??= refusal;
    return undefined;
  }

  segment(index: number): Buffer {
    return this.#segments[index] ?? Buffer.alloc(0);
  }

  /** The pointer at a word, far pointers followed. Undefined for null and for a fault. */
  resolve(segment: number, word: number): Target | undefined {
    if (this.#refusal !== undefined) return undefined;
    const pointer = this.#pointer(segment, word);
    if (pointer === undefined || (pointer.lower === 0 && pointer.upper === 0)) return undefined;
    if ((pointer.lower & 3) !== kindFar) return near(segment, word, pointer.lower, pointer.upper);
    const padWord = pointer.lower >>> 3;
    const pad = this.#pointer(pointer.upper, padWord);
    if (pad === undefined) return undefined;
    if ((pointer.lower & 4) === 0) {
      if ((pad.lower & 3) === kindFar) return this.refuse('bad-far-pointer');
      return near(pointer.upper, padWord, pad.lower, pad.upper);
    }
    const tag = this.#pointer(pointer.upper, padWord + 1);
    if (tag === undefined) return undefined;
    if ((pad.lower & 7) !== kindFar || (tag.lower & 3) === kindFar) return this.refuse('bad-far-pointer');
    return { kind: tag.lower & 3, segment: pad.upper, word: pad.lower >>> 3, upper: tag.upper };
  }

  structAt(segment: number, word: number, depth: number): CapnpStruct {
    const target = this.resolve(segment, word);
    if (target === undefined) return new CapnpStruct(this, 0, 0, 0, 0, depth);
    if (target.kind !== kindStruct) {
      this.refuse('pointer-of-wrong-kind');
      return new CapnpStruct(this, 0, 0, 0, 0, depth);
    }
    const dataWords = target.upper & 0xffff;
    const pointers = target.upper >>> 16;
    if (depth > nestingMax) this.refuse('nested-too-deep');
    if (!this.visit(target.segment, target.word, dataWords + pointers)) return new CapnpStruct(this, 0, 0, 0, 0, depth);
    return new CapnpStruct(this, target.segment, target.word, dataWords, pointers, depth);
  }

  /** Whether the words exist; counts them against the traversal budget. */
  visit(segment: number, word: number, words: number): boolean {
    this.#wordsLeft -= words + 1;
    if (this.#wordsLeft < 0) this.refuse('traversed-too-much');
    if (word < 0 || (word + words) * wordBytes > this.segment(segment).length) this.refuse('pointer-out-of-bounds');
    return this.#refusal === undefined;
  }

  #pointer(segment: number, word: number): { readonly lower: number; readonly upper: number } | undefined {
    if (!this.visit(segment, word, 1)) return undefined;
    const bytes = this.segment(segment);
    return { lower: bytes.readUInt32LE(word * wordBytes), upper: bytes.readUInt32LE(word * wordBytes + 4) };
  }
}

function near(segment: number, word: number, lower: number, upper: number): Target {
  return { kind: lower & 3, segment, word: word + 1 + (lower >> 2), upper };
}

/** One struct. Fields beyond what the sender wrote read as zero, as the encoding says. */
export class CapnpStruct {
  readonly #message: CapnpMessage;
  readonly #segment: number;
  readonly #word: number;
  readonly #dataWords: number;
  readonly #pointers: number;
  readonly #depth: number;

  // oxlint-disable-next-line max-params -- the five numbers are one address; an object per struct would only rename them
  constructor(
    message: CapnpMessage,
    segment: number,
    word: number,
    dataWords: number,
    pointers: number,
    depth: number,
  ) {
    this.#message = message;
    this.#segment = segment;
    this.#word = word;
    this.#dataWords = dataWords;
    this.#pointers = pointers;
    this.#depth = depth;
  }

  u8(byte: number): number {
    return this.#has(byte, 1) ? this.#bytes().readUInt8(this.#at(byte)) : 0;
  }

  u16(byte: number): number {
    return this.#has(byte, 2) ? this.#bytes().readUInt16LE(this.#at(byte)) : 0;
  }

  u32(byte: number): number {
    return this.#has(byte, 4) ? this.#bytes().readUInt32LE(this.#at(byte)) : 0;
  }

  u64(byte: number): bigint {
    return this.#has(byte, 8) ? this.#bytes().readBigUInt64LE(this.#at(byte)) : 0n;
  }

  i64(byte: number): bigint {
    return BigInt.asIntN(64, this.u64(byte));
  }

  bit(bit: number): boolean {
    return ((this.u8(bit >> 3) >> (bit & 7)) & 1) === 1;
  }

  struct(pointer: number): CapnpStruct {
    if (pointer >= this.#pointers) return new CapnpStruct(this.#message, 0, 0, 0, 0, this.#depth + 1);
    return this.#message.structAt(this.#segment, this.#pointerWord(pointer), this.#depth + 1);
  }

  /** A copy; empty where absent. */
  data(pointer: number): Buffer {
    const list = this.#list(pointer, elementBytes);
    if (list === undefined) return Buffer.alloc(0);
    return Buffer.from(
      this.#message.segment(list.segment).subarray(list.word * wordBytes, list.word * wordBytes + list.count),
    );
  }

  /** UTF-8 without its final NUL; empty where absent. */
  text(pointer: number): string {
    const bytes = this.data(pointer);
    if (bytes.length === 0) return '';
    return decodeText(this.#message, bytes);
  }

  textList(pointer: number): readonly string[] {
    const list = this.#list(pointer, elementPointer);
    if (list === undefined) return [];
    const holder = new CapnpStruct(this.#message, list.segment, list.word, 0, list.count, this.#depth + 1);
    const texts: string[] = [];
    for (let index = 0; index < list.count && this.#message.refusal === undefined; index += 1)
      texts.push(holder.text(index));
    return texts;
  }

  structList(pointer: number): readonly CapnpStruct[] {
    const list = this.#list(pointer, elementComposite);
    if (list === undefined) return [];
    const tag = this.#message.segment(list.segment).readUInt32LE(list.word * wordBytes);
    const sizes = this.#message.segment(list.segment).readUInt32LE(list.word * wordBytes + 4);
    const elements = tag >>> 2;
    const step = (sizes & 0xffff) + (sizes >>> 16);
    // A list of empty structs would cost nothing on the wire and everything here.
    if ((tag & 3) !== kindStruct || step === 0 || elements * step > list.count) {
      this.#message.refuse('bad-list');
      return [];
    }
    const structs: CapnpStruct[] = [];
    for (let index = 0; index < elements; index += 1) {
      const word = list.word + 1 + index * step;
      structs.push(new CapnpStruct(this.#message, list.segment, word, sizes & 0xffff, sizes >>> 16, this.#depth + 1));
    }
    return structs;
  }

  /** Index into the payload's capability table; undefined where the pointer is no capability. */
  capability(pointer: number): number | undefined {
    if (pointer >= this.#pointers) return undefined;
    const target = this.#message.resolve(this.#segment, this.#pointerWord(pointer));
    return target?.kind === kindOther ? target.upper : undefined;
  }

  #list(pointer: number, element: number): { segment: number; word: number; count: number } | undefined {
    if (pointer >= this.#pointers) return undefined;
    const target = this.#message.resolve(this.#segment, this.#pointerWord(pointer));
    if (target === undefined) return undefined;
    if (target.kind !== kindList || (target.upper & 7) !== element) {
      return this.#message.refuse('pointer-of-wrong-kind');
    }
    const count = target.upper >>> 3;
    const words =
      element === elementBytes ? Math.ceil(count / wordBytes) : element === elementComposite ? count + 1 : count;
    if (!this.#message.visit(target.segment, target.word, words)) return undefined;
    return { segment: target.segment, word: target.word, count };
  }

  #has(byte: number, width: number): boolean {
    return byte + width <= this.#dataWords * wordBytes;
  }

  #bytes(): Buffer {
    return this.#message.segment(this.#segment);
  }

  #at(byte: number): number {
    return this.#word * wordBytes + byte;
  }

  #pointerWord(pointer: number): number {
    return this.#word + this.#dataWords + pointer;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(message: CapnpMessage, bytes: Buffer): string {
  if (bytes.at(-1) !== 0) {
    message.refuse('bad-text');
    return '';
  }
  try {
    return utf8.decode(bytes.subarray(0, -1));
  } catch {
    message.refuse('bad-text');
    return '';
  }
}
