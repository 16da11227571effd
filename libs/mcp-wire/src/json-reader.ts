import { isUtf8 } from 'node:buffer';

import type { JsonFault, JsonFaultCode } from './json-fault.ts';
import { firstInvalidUtf8 } from './utf8.ts';

export interface JsonLimits {
  /** Objects and arrays around the innermost value; the root object is depth 1. */
  readonly depthMax: number;
  /** Object members in the whole text. */
  readonly membersMax: number;
}

/** A value's place in the text: `start` is its first byte, `end` the byte after its last. */
export interface JsonSpan {
  readonly start: number;
  readonly end: number;
}

/** Called at a member's value; must consume exactly that value and return what the reading method returned. */
export type MemberVisit = (key: string) => boolean;

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/** Below this many members an array is searched; above it a set is built. */
const linearKeysMax = 8;

/**
 * Reads one strict JSON text (RFC 8259) in place, without building values: it validates every byte, refuses an object
 * that names a member twice at any depth, and leaves offsets behind so that callers can splice. Never throws on input;
 * a method that returns `false` has set `fault`.
 */
export class JsonReader {
  readonly bytes: Buffer;
  readonly #limits: JsonLimits;
  #pos = 0;
  #depth = 0;
  #members = 0;
  #escaped = false;
  #fault: JsonFault | undefined;

  constructor(bytes: Buffer, limits: JsonLimits) {
    this.bytes = bytes;
    this.#limits = limits;
  }

  get fault(): JsonFault | undefined {
    return this.#fault;
  }

  /** Offset of the next byte to read. */
  get pos(): number {
    return this.#pos;
  }

  /** Checks what must hold before the first value is read: not empty, no byte order mark, valid UTF-8. */
  begin(): boolean {
    const { bytes } = this;
    if (bytes.length === 0) return this.refuse('empty_body', 0);
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return this.refuse('byte_order_mark', 0);
    if (!isUtf8(bytes)) return this.refuse('invalid_utf8', firstInvalidUtf8(bytes));
    return true;
  }

  /** Only white space may follow the root value. */
  end(): boolean {
    return this.peek() === -1 || this.refuse('malformed_json', this.#pos);
  }

  /** Skips white space and gives the first byte of what follows, -1 at the end. */
  peek(): number {
    const { bytes } = this;
    let pos = this.#pos;
    let byte = bytes[pos];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++pos];
    this.#pos = pos;
    return byte ?? -1;
  }

  refuse(code: JsonFaultCode, offset: number): false {
    this.#fault ??= { code, offset };
    return false;
  }

  /** Skips one value of any kind, validating it. */
  skip(): boolean {
    const byte = this.peek();
    if (byte === quote) return this.#scanString();
    if (byte === openBrace) return this.readObject(() => this.skip());
    if (byte === openBracket) return this.readArray(() => this.skip());
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return this.#scanNumber();
    if (byte === 0x74) return this.#scanWord('true');
    if (byte === 0x66) return this.#scanWord('false');
    if (byte === 0x6e) return this.#scanWord('null');
    return this.refuse('malformed_json', this.#pos);
  }

  /** Skips one value and gives its place, or undefined when it is malformed. */
  span(): JsonSpan | undefined {
    this.peek();
    const start = this.#pos;
    return this.skip() ? { start, end: this.#pos } : undefined;
  }

  readObject(visit: MemberVisit): boolean {
    if (!this.#enter(openBrace)) return false;
    if (this.peek() === closeBrace) return this.#leave();
    const names: string[] = [];
    let set: Set<string> | undefined;
    for (;;) {
      const keyStart = this.#pos;
      const key = this.#readKey();
      if (key === undefined) return false;
      if (set === undefined ? names.includes(key) : set.has(key)) return this.refuse('duplicate_key', keyStart);
      if (set !== undefined) set.add(key);
      else if (names.push(key) > linearKeysMax) set = new Set(names);
      if (this.peek() !== colon) return this.refuse('malformed_json', this.#pos);
      this.#pos++;
      this.peek();
      if (!visit(key)) return false;
      const next = this.peek();
      if (next === closeBrace) return this.#leave();
      if (next !== comma) return this.refuse('malformed_json', this.#pos);
      this.#pos++;
      this.peek();
    }
  }

  readArray(visit: () => boolean): boolean {
    if (!this.#enter(openBracket)) return false;
    if (this.peek() === closeBracket) return this.#leave();
    for (;;) {
      if (!visit()) return false;
      const next = this.peek();
      if (next === closeBracket) return this.#leave();
      if (next !== comma) return this.refuse('malformed_json', this.#pos);
      this.#pos++;
      this.peek();
    }
  }

  #enter(open: number): boolean {
    if (this.peek() !== open) return this.refuse('malformed_json', this.#pos);
    if (this.#depth >= this.#limits.depthMax) return this.refuse('too_deep', this.#pos);
    this.#depth++;
    this.#pos++;
    return true;
  }

  #leave(): true {
    this.#depth--;
    this.#pos++;
    return true;
  }

  #readKey(): string | undefined {
    const start = this.#pos;
    if (this.bytes[start] !== quote || !this.#scanString()) {
      this.refuse('malformed_json', this.#pos);
      return undefined;
    }
    if (++this.#members > this.#limits.membersMax) {
      this.refuse('too_many_members', start);
      return undefined;
    }
    if (!this.#escaped) return this.bytes.toString('utf8', start + 1, this.#pos - 1);
    const key = String(JSON.parse(this.bytes.toString('utf8', start, this.#pos)));
    if (key.isWellFormed()) return key;
    this.refuse('lone_surrogate', start);
    return undefined;
  }

  #scanString(): boolean {
    const { bytes } = this;
    let pos = this.#pos + 1;
    this.#escaped = false;
    for (;;) {
      const byte = bytes[pos];
      if (byte === quote) {
        this.#pos = pos + 1;
        return true;
      }
      if (byte === undefined || byte < 0x20) return this.refuse('malformed_json', pos);
      if (byte !== backslash) {
        pos++;
        continue;
      }
      this.#escaped = true;
      const length = escapeLength(bytes, pos);
      if (length === 0) return this.refuse('malformed_json', pos);
      pos += length;
    }
  }

  #scanNumber(): boolean {
    const { bytes } = this;
    let pos = this.#pos;
    if (bytes[pos] === 0x2d) pos++;
    const whole = pos;
    pos = skipDigits(bytes, pos);
    if (pos === whole || (bytes[whole] === 0x30 && pos > whole + 1)) return this.refuse('malformed_json', whole);
    if (bytes[pos] === 0x2e) {
      const fraction = skipDigits(bytes, pos + 1);
      if (fraction === pos + 1) return this.refuse('malformed_json', fraction);
      pos = fraction;
    }
    if (bytes[pos] === 0x65 || bytes[pos] === 0x45) {
      const sign = bytes[pos + 1];
      const digits = sign === 0x2b || sign === 0x2d ? pos + 2 : pos + 1;
      pos = skipDigits(bytes, digits);
      if (pos === digits) return this.refuse('malformed_json', pos);
    }
    this.#pos = pos;
    return true;
  }

  #scanWord(word: string): boolean {
    for (let index = 0; index < word.length; index++) {
      if (this.bytes[this.#pos + index] !== word.charCodeAt(index)) {
        return this.refuse('malformed_json', this.#pos + index);
      }
    }
    this.#pos += word.length;
    return true;
  }
}

/** The string value at a span that a `JsonReader` has accepted; undefined when the span is not a string. */
export function textAt(bytes: Buffer, span: JsonSpan | undefined): string | undefined {
  if (span === undefined || bytes[span.start] !== quote) return undefined;
  const inner = bytes.toString('utf8', span.start + 1, span.end - 1);
  return inner.includes('\\') ? String(JSON.parse(`"${inner}"`)) : inner;
}

function escapeLength(bytes: Buffer, backslashAt: number): number {
  const letter = bytes[backslashAt + 1];
  switch (letter) {
    case quote:
    case backslash:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return 2;
    case 0x75:
      for (let index = 2; index < 6; index++) if (!isHexDigit(bytes[backslashAt + index])) return 0;
      return 6;
    default:
      return 0;
  }
}

export function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function skipDigits(bytes: Buffer, from: number): number {
  let pos = from;
  for (let byte = bytes[pos]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = bytes[pos]) pos++;
  return pos;
}
