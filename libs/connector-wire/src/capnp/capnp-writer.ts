const wordBytes = 8;

/** Builds one single-segment message. Objects are laid out in the order in which they are asked for. */
export class CapnpWriter {
  #bytes = Buffer.alloc(256);
  /** Word 0 is the root pointer. */
  #words = 1;

  root(dataWords: number, pointers: number): CapnpStructWriter {
    return this.struct(0, dataWords, pointers);
  }

  struct(pointerWord: number, dataWords: number, pointers: number): CapnpStructWriter {
    if (dataWords + pointers === 0) {
      // The encoding of an empty struct: an offset of -1, so that it differs from null.
      this.#pointer(pointerWord, 0xfffffffc, 0);
      return new CapnpStructWriter(this, 0, 0);
    }
    const word = this.#take(dataWords + pointers);
    this.#pointer(pointerWord, (word - pointerWord - 1) << 2, dataWords | (pointers << 16));
    return new CapnpStructWriter(this, word, dataWords);
  }

  structList(pointerWord: number, count: number, dataWords: number, pointers: number): readonly CapnpStructWriter[] {
    const step = dataWords + pointers;
    const word = this.#take(1 + count * step);
    this.#pointer(pointerWord, ((word - pointerWord - 1) << 2) | 1, 7 | ((count * step) << 3));
    this.#pointer(word, count << 2, dataWords | (pointers << 16));
    return Array.from({ length: count }, (_, index) => new CapnpStructWriter(this, word + 1 + index * step, dataWords));
  }

  textList(pointerWord: number, texts: readonly string[]): void {
    const word = this.#take(texts.length);
    this.#pointer(pointerWord, ((word - pointerWord - 1) << 2) | 1, 6 | (texts.length << 3));
    texts.forEach((text, index) => this.bytes(word + index, Buffer.from(`${text}\0`)));
  }

  bytes(pointerWord: number, bytes: Uint8Array): void {
    const word = this.#take(Math.ceil(bytes.length / wordBytes));
    this.#pointer(pointerWord, ((word - pointerWord - 1) << 2) | 1, 2 | (bytes.length << 3));
    this.#bytes.set(bytes, word * wordBytes);
  }

  capability(pointerWord: number, index: number): void {
    this.#pointer(pointerWord, 3, index);
  }

  /** Appends words as they are, and points at the word `rootAt` of them. Pointers are relative, so a whole segment stays valid. */
  embed(pointerWord: number, words: Uint8Array, rootAt: number, upper: number): void {
    const word = this.#take(words.length / wordBytes);
    this.#bytes.set(words, word * wordBytes);
    this.#pointer(pointerWord, (word + rootAt - pointerWord - 1) << 2, upper);
  }

  number(word: number, byte: number, width: 1 | 2 | 4, value: number): void {
    this.#bytes.writeUIntLE(value, word * wordBytes + byte, width);
  }

  bigint(word: number, byte: number, value: bigint): void {
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), word * wordBytes + byte);
  }

  /** The message with its framing header. */
  finish(): Buffer {
    const framed = Buffer.alloc(wordBytes + this.#words * wordBytes);
    framed.writeUInt32LE(this.#words, 4);
    this.#bytes.copy(framed, wordBytes, 0, this.#words * wordBytes);
    return framed;
  }

  #take(words: number): number {
    const word = this.#words;
    this.#words += words;
    if (this.#words * wordBytes > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(this.#words * wordBytes, this.#bytes.length * 2));
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    return word;
  }

  #pointer(word: number, lower: number, upper: number): void {
    this.#bytes.writeUInt32LE(lower >>> 0, word * wordBytes);
    this.#bytes.writeUInt32LE(upper >>> 0, word * wordBytes + 4);
  }
}

/** The fields of one struct being written; offsets in bytes of the data section, pointers by index. */
export class CapnpStructWriter {
  readonly #writer: CapnpWriter;
  readonly #word: number;
  readonly #dataWords: number;

  constructor(writer: CapnpWriter, word: number, dataWords: number) {
    this.#writer = writer;
    this.#word = word;
    this.#dataWords = dataWords;
  }

  u8(byte: number, value: number): this {
    this.#writer.number(this.#word, byte, 1, value);
    return this;
  }

  u16(byte: number, value: number): this {
    this.#writer.number(this.#word, byte, 2, value);
    return this;
  }

  u32(byte: number, value: number): this {
    this.#writer.number(this.#word, byte, 4, value);
    return this;
  }

  u64(byte: number, value: bigint): this {
    this.#writer.bigint(this.#word, byte, value);
    return this;
  }

  struct(pointer: number, dataWords: number, pointers: number): CapnpStructWriter {
    return this.#writer.struct(this.#pointerWord(pointer), dataWords, pointers);
  }

  structList(pointer: number, count: number, dataWords: number, pointers: number): readonly CapnpStructWriter[] {
    return this.#writer.structList(this.#pointerWord(pointer), count, dataWords, pointers);
  }

  text(pointer: number, text: string): this {
    this.#writer.bytes(this.#pointerWord(pointer), Buffer.from(`${text}\0`));
    return this;
  }

  data(pointer: number, bytes: Uint8Array): this {
    this.#writer.bytes(this.#pointerWord(pointer), bytes);
    return this;
  }

  textList(pointer: number, texts: readonly string[]): this {
    this.#writer.textList(this.#pointerWord(pointer), texts);
    return this;
  }

  capability(pointer: number, index: number): this {
    this.#writer.capability(this.#pointerWord(pointer), index);
    return this;
  }

  embed(pointer: number, words: Uint8Array, rootAt: number, upper: number): this {
    this.#writer.embed(this.#pointerWord(pointer), words, rootAt, upper);
    return this;
  }

  #pointerWord(pointer: number): number {
    return this.#word + this.#dataWords + pointer;
  }
}
