export type SseField = 'data' | 'event' | 'id' | 'retry';

/** What a line scan of an event stream tells its listener. Offsets are into the chunk being scanned. */
export interface SseLineListener {
  /** A `data` line begins; its value starts at or after the offset. */
  onDataLine(at: number): void;
  /** Bytes of the current `data` line's value. */
  onData(chunk: Uint8Array, start: number, end: number): void;
  /** A complete `event`, `id` or `retry` line; longer values than 1 KiB are not told. */
  onField(field: Exclude<SseField, 'data'>, value: string): void;
  /** A blank line ends the event; `after` is the offset behind what is in this chunk of its line ending. */
  onEventEnd(after: number): void;
}

const lf = 0x0a;
const cr = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;
const valueBytesMax = 1024;

type Part = 'name' | 'space' | 'value';

/**
 * Splits an event stream (WHATWG HTML, "Server-sent events", event stream interpretation) that arrives in chunks split
 * anywhere: LF, CR and CRLF endings, a leading byte order mark, comments and unknown fields. A CR ends its line at once;
 * the LF of a pair that straddles two chunks is taken with the next one. Memory: one field value of at most 1 KiB.
 */
export class SseLines {
  readonly #listener: SseLineListener;
  #streamPos = 0;
  #lfMayFollow = false;
  #lineEmpty = true;
  #eventEmpty = true;
  #part: Part = 'name';
  #name = '';
  #value: number[] = [];
  #valueTooLong = false;

  constructor(listener: SseLineListener) {
    this.#listener = listener;
  }

  /** No line of the next event has begun. */
  get isBetweenEvents(): boolean {
    return this.#eventEmpty && this.#lineEmpty && (this.#streamPos === 0 || this.#streamPos === 3);
  }

  push(chunk: Uint8Array): void {
    let pos = this.#skipByteOrderMark(chunk);
    let nextLf = -1;
    let nextCr = -1;
    while (pos < chunk.length) {
      if (this.#lfMayFollow) {
        this.#lfMayFollow = false;
        if (chunk[pos] === lf) {
          pos++;
          continue;
        }
      }
      if (nextLf < pos) nextLf = indexOrEnd(chunk, lf, pos);
      if (nextCr < pos) nextCr = indexOrEnd(chunk, cr, pos);
      const end = Math.min(nextLf, nextCr);
      if (end > pos) this.#inLine(chunk, pos, end);
      if (end === chunk.length) return;
      const isPair = chunk[end] === cr && chunk[end + 1] === lf;
      pos = end + (isPair ? 2 : 1);
      this.#lfMayFollow = chunk[end] === cr && !isPair;
      this.#endLine(pos);
    }
  }

  #skipByteOrderMark(chunk: Uint8Array): number {
    let pos = 0;
    while (this.#streamPos < 3 && pos < chunk.length) {
      if (chunk[pos] !== byteOrderMark[this.#streamPos]) {
        // What looked like a mark is the start of a field name no one knows.
        if (this.#streamPos > 0) {
          this.#lineEmpty = false;
          this.#name = '?';
        }
        this.#streamPos = 3;
        return pos;
      }
      this.#streamPos++;
      pos++;
    }
    return pos;
  }

  #inLine(chunk: Uint8Array, start: number, end: number): void {
    this.#lineEmpty = false;
    this.#eventEmpty = false;
    let pos = start;
    while (this.#part === 'name' && pos < end) {
      const byte = chunk[pos++] ?? 0;
      if (byte === 0x3a) this.#beginValue(pos);
      // No known name is longer than six letters; one more is enough to tell.
      else if (this.#name.length < 7) this.#name += String.fromCharCode(byte);
    }
    if (this.#part === 'space' && pos < end) {
      if (chunk[pos] === 0x20) pos++;
      this.#part = 'value';
    }
    if (pos >= end) return;
    if (this.#name === 'data') this.#listener.onData(chunk, pos, end);
    else if (isTold(this.#name)) this.#keepValue(chunk, pos, end);
  }

  #beginValue(at: number): void {
    this.#part = 'space';
    if (this.#name === 'data') this.#listener.onDataLine(at);
  }

  #keepValue(chunk: Uint8Array, start: number, end: number): void {
    if (this.#value.length + (end - start) > valueBytesMax) this.#valueTooLong = true;
    else this.#value.push(...chunk.subarray(start, end));
  }

  #endLine(after: number): void {
    if (this.#lineEmpty) {
      this.#eventEmpty = true;
      this.#listener.onEventEnd(after);
      return;
    }
    if (this.#part === 'name') this.#beginValue(after);
    if (isTold(this.#name) && !this.#valueTooLong) {
      this.#listener.onField(this.#name, Buffer.from(this.#value).toString('utf8'));
    }
    this.#lineEmpty = true;
    this.#part = 'name';
    this.#name = '';
    this.#value = [];
    this.#valueTooLong = false;
  }
}

function isTold(name: string): name is Exclude<SseField, 'data'> {
  return name === 'event' || name === 'id' || name === 'retry';
}

function indexOrEnd(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index === -1 ? chunk.length : index;
}
