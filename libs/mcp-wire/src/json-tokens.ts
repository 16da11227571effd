import { isHexDigit } from './json-reader.ts';

/** What a scan of one JSON text tells its listener. Offsets are into the chunk being scanned. */
export interface JsonTokenListener {
  /** A container opens; `depth` counts it. */
  onOpen(depth: number, isObject: boolean): void;
  onClose(depth: number): void;
  /** `text` is the JSON string as written, or undefined when it was longer than the capture limit. */
  onKey(depth: number, text: string | undefined): void;
  /** A string, number or word directly inside the container at `depth`. */
  onScalar(depth: number, text: string | undefined): void;
}

export type JsonTokenFault = 'malformed_json' | 'too_deep';

const states = {
  value: 0,
  valueOrEnd: 1,
  keyOrEnd: 2,
  key: 3,
  colon: 4,
  next: 5,
  string: 6,
  escape: 7,
  hex: 8,
  number: 9,
  word: 10,
  done: 11,
} as const;
type State = (typeof states)[keyof typeof states];

const numberStart = 0;
const numberZero = 1;
const numberWhole = 2;
const numberPoint = 3;
const numberFraction = 4;
const numberExponent = 5;
const numberSign = 6;
const numberPower = 7;
const numberSignSeen = 8;
const endableNumber: readonly boolean[] = [false, true, true, false, true, false, false, true];

/** Tokens below this depth are captured; deeper ones are only checked. */
const captureDepthMax = 2;
/** An id of 1 KiB with every character escaped, six bytes each, and its quotes. */
const captureBytesMax = 6 * 1024 + 2;

/**
 * Checks one JSON text that arrives in chunks, split anywhere, in constant memory: one byte per level of nesting and
 * one token of at most 1 KiB. Checks the grammar of RFC 8259 but not UTF-8, which passes through.
 */
export class JsonTokens {
  readonly #listener: JsonTokenListener;
  readonly #isObject: Uint8Array;
  readonly #capture = Buffer.allocUnsafe(captureBytesMax);
  #captured = -1;
  #state: State = states.value;
  #depth = 0;
  #inKey = false;
  #hexLeft = 0;
  #numberState = numberStart;
  #word = '';
  #wordAt = 0;
  fault: JsonTokenFault | undefined;

  constructor(listener: JsonTokenListener, depthMax: number) {
    this.#listener = listener;
    this.#isObject = new Uint8Array(depthMax + 1);
  }

  get done(): boolean {
    return this.#state === states.done;
  }

  reset(): void {
    this.#state = states.value;
    this.#depth = 0;
    this.#captured = -1;
    this.fault = undefined;
  }

  /** Makes the scan stop at the byte being looked at; for listeners that refuse what they are told. */
  stop(fault: JsonTokenFault): void {
    this.fault ??= fault;
  }

  /**
   * Scans `bytes[start, end)`; returns how far it came: `end`, or the offset of the byte that completed the text or
   * shows a fault. The caller goes on behind a completing byte, so that what follows it is checked too.
   */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end) {
      const wasDone = this.done;
      pos = this.#step(bytes, pos, end);
      if (this.fault !== undefined) return Math.min(pos, end - 1);
      if (this.done && !wasDone) return pos - 1;
    }
    return end;
  }

  #step(bytes: Uint8Array, pos: number, end: number): number {
    const byte = bytes[pos] ?? 0;
    switch (this.#state) {
      case states.string:
        return this.#inString(bytes, pos, end);
      case states.escape:
        return this.#inEscape(byte, pos);
      case states.hex:
        if (!isHexDigit(byte)) return this.#refuse(pos);
        this.#take(byte);
        if (--this.#hexLeft === 0) this.#state = states.string;
        return pos + 1;
      case states.number:
        return this.#inNumber(byte, pos);
      case states.word:
        if (byte !== this.#word.charCodeAt(this.#wordAt)) return this.#refuse(pos);
        this.#take(byte);
        if (++this.#wordAt === this.#word.length) this.#endScalar();
        return pos + 1;
      default:
        if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return pos + 1;
        return this.#atStructure(byte, pos);
    }
  }

  #atStructure(byte: number, pos: number): number {
    switch (this.#state) {
      case states.value:
        return this.#beginValue(byte, pos);
      case states.valueOrEnd:
        return byte === 0x5d ? this.#close(byte, pos) : this.#beginValue(byte, pos);
      case states.keyOrEnd:
        return byte === 0x7d ? this.#close(byte, pos) : this.#beginKey(byte, pos);
      case states.key:
        return this.#beginKey(byte, pos);
      case states.colon:
        if (byte !== 0x3a) return this.#refuse(pos);
        this.#state = states.value;
        return pos + 1;
      case states.next:
        if (byte !== 0x2c) return this.#close(byte, pos);
        this.#state = this.#isObject[this.#depth] === 1 ? states.key : states.value;
        return pos + 1;
      default:
        return this.#refuse(pos);
    }
  }

  #beginKey(byte: number, pos: number): number {
    if (byte !== 0x22) return this.#refuse(pos);
    this.#beginToken(byte);
    this.#inKey = true;
    this.#state = states.string;
    return pos + 1;
  }

  #beginValue(byte: number, pos: number): number {
    if (byte === 0x7b || byte === 0x5b) return this.#open(byte === 0x7b, pos);
    this.#inKey = false;
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      this.#beginToken();
      this.#numberState = numberStart;
      this.#state = states.number;
      return this.#inNumber(byte, pos);
    }
    this.#beginToken(byte);
    if (byte === 0x22) this.#state = states.string;
    else {
      this.#word = byte === 0x74 ? 'true' : byte === 0x66 ? 'false' : 'null';
      if (this.#word.charCodeAt(0) !== byte) return this.#refuse(pos);
      this.#wordAt = 1;
      this.#state = states.word;
    }
    return pos + 1;
  }

  #open(isObject: boolean, pos: number): number {
    if (this.#depth + 1 >= this.#isObject.length) {
      this.stop('too_deep');
      return pos;
    }
    this.#isObject[++this.#depth] = isObject ? 1 : 0;
    this.#state = isObject ? states.keyOrEnd : states.valueOrEnd;
    this.#listener.onOpen(this.#depth, isObject);
    return this.fault === undefined ? pos + 1 : pos;
  }

  #close(byte: number, pos: number): number {
    const expected = this.#isObject[this.#depth] === 1 ? 0x7d : 0x5d;
    if (byte !== expected) return this.#refuse(pos);
    this.#listener.onClose(this.#depth--);
    this.#state = this.#depth === 0 ? states.done : states.next;
    return this.fault === undefined ? pos + 1 : pos;
  }

  #inString(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    let byte = bytes[pos];
    while (pos < end && byte !== undefined && byte !== 0x22 && byte !== 0x5c && byte >= 0x20) byte = bytes[++pos];
    if (this.#captured >= 0) this.#takeRange(bytes, start, pos);
    if (pos >= end || byte === undefined) return end;
    if (byte < 0x20) return this.#refuse(pos);
    this.#take(byte);
    if (byte === 0x5c) this.#state = states.escape;
    else this.#endScalar();
    return this.fault === undefined ? pos + 1 : pos;
  }

  #inEscape(byte: number, pos: number): number {
    this.#take(byte);
    if (byte === 0x75) {
      this.#hexLeft = 4;
      this.#state = states.hex;
      return pos + 1;
    }
    // " \ / b f n r t
    const isKnown = byte === 0x22 || byte === 0x5c || byte === 0x2f || byte === 0x62 || byte === 0x66;
    if (!isKnown && byte !== 0x6e && byte !== 0x72 && byte !== 0x74) return this.#refuse(pos);
    this.#state = states.string;
    return pos + 1;
  }

  /** Does not consume the byte behind a number: it belongs to what comes next. */
  #inNumber(byte: number, pos: number): number {
    const next = nextNumberState(this.#numberState, byte);
    if (next !== undefined) {
      this.#numberState = next;
      this.#take(byte);
      return pos + 1;
    }
    if (endableNumber[this.#numberState] !== true) return this.#refuse(pos);
    this.#endScalar();
    return pos;
  }

  #endScalar(): void {
    const text = this.#captured < 0 ? undefined : this.#capture.toString('utf8', 0, this.#captured);
    this.#captured = -1;
    if (this.#inKey) {
      this.#state = states.colon;
      this.#inKey = false;
      this.#listener.onKey(this.#depth, text);
    } else {
      this.#state = this.#depth === 0 ? states.done : states.next;
      this.#listener.onScalar(this.#depth, text);
    }
  }

  #beginToken(first?: number): void {
    this.#captured = this.#depth <= captureDepthMax ? 0 : -1;
    if (first !== undefined) this.#take(first);
  }

  #take(byte: number): void {
    if (this.#captured < 0) return;
    if (this.#captured < captureBytesMax) this.#capture[this.#captured++] = byte;
    else this.#captured = -1;
  }

  #takeRange(bytes: Uint8Array, start: number, end: number): void {
    if (this.#captured + (end - start) > captureBytesMax) {
      this.#captured = -1;
      return;
    }
    this.#capture.set(bytes.subarray(start, end), this.#captured);
    this.#captured += end - start;
  }

  #refuse(pos: number): number {
    this.stop('malformed_json');
    return pos;
  }
}

function nextNumberState(state: number, byte: number): number | undefined {
  const isDigit = byte >= 0x30 && byte <= 0x39;
  switch (state) {
    case numberStart:
      return byte === 0x2d ? numberSignSeen : isDigit ? firstDigit(byte) : undefined;
    case numberSignSeen:
      return isDigit ? firstDigit(byte) : undefined;
    case numberZero:
      return byte === 0x2e ? numberPoint : isExponent(byte) ? numberExponent : undefined;
    case numberWhole:
      return isDigit ? numberWhole : byte === 0x2e ? numberPoint : isExponent(byte) ? numberExponent : undefined;
    case numberPoint:
      return isDigit ? numberFraction : undefined;
    case numberFraction:
      return isDigit ? numberFraction : isExponent(byte) ? numberExponent : undefined;
    case numberExponent:
      return isDigit ? numberPower : byte === 0x2b || byte === 0x2d ? numberSign : undefined;
    default:
      return isDigit ? numberPower : undefined;
  }
}

function firstDigit(byte: number): number {
  return byte === 0x30 ? numberZero : numberWhole;
}

function isExponent(byte: number): boolean {
  return byte === 0x65 || byte === 0x45;
}
