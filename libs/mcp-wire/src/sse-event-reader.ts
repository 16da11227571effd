import { BytePieces } from './byte-pieces.ts';
import { SseLines } from './sse-lines.ts';
import { asBuffer } from './utf8.ts';

const lineFeed = Buffer.from('\n');

/** One event of a stream, from the end of the one before it to the end of its blank line. */
export interface SseEvent {
  readonly type: 'event';
  /** Every byte, comments and ignored fields included; what is forwarded. */
  readonly raw: Buffer;
  /** The `data` lines joined with LF; absent when there is none. */
  readonly data?: Buffer;
  readonly event?: string;
  readonly id?: string;
  readonly retryMs?: number;
}

/** A stretch of an event that is longer than the limit; it was not read. */
export interface SseOversizedPiece {
  readonly type: 'oversized';
  readonly raw: Buffer;
  /** The event ends with this piece. */
  readonly last: boolean;
}

/**
 * Cuts an event stream into events without changing a byte: what it returns, joined, is what was pushed, but for the
 * unfinished event that `rest` gives. Holds at most `eventBytesMax` and the chunk being read.
 */
export class SseEventReader {
  readonly #lines: SseLines;
  readonly #eventBytesMax: number;
  readonly #raw = new BytePieces();
  #oversized = false;
  #data: BytePieces | undefined;
  #fields: { event?: string; id?: string; retryMs?: number } = {};
  #from = 0;
  #chunk: Buffer = Buffer.alloc(0);
  #out: (SseEvent | SseOversizedPiece)[] = [];

  constructor(eventBytesMax: number) {
    this.#eventBytesMax = eventBytesMax;
    this.#lines = new SseLines({
      onDataLine: () => {
        if (this.#data === undefined) this.#data = new BytePieces();
        else this.#data.push(lineFeed);
      },
      onData: (chunk, start, end) => {
        if (!this.#oversized) this.#data?.push(asBuffer(chunk).subarray(start, end));
      },
      onField: (field, value) => this.#onField(field, value),
      onEventEnd: (after) => this.#onEventEnd(after),
    });
  }

  push(chunk: Uint8Array): readonly (SseEvent | SseOversizedPiece)[] {
    this.#chunk = asBuffer(chunk);
    this.#from = 0;
    this.#out = [];
    this.#lines.push(chunk);
    this.#keep(this.#chunk.length);
    if (this.#raw.length > this.#eventBytesMax) this.#oversized = true;
    if (this.#oversized && this.#raw.length > 0) this.#give(false);
    return this.#out;
  }

  /** Bytes of the unfinished event. */
  get heldBytes(): number {
    return this.#raw.length;
  }

  /** Bytes of an event that the stream's end left without its blank line; clients ignore such an event. */
  rest(): Buffer {
    return this.#raw.join();
  }

  #keep(to: number): void {
    if (to <= this.#from) return;
    this.#raw.push(this.#chunk.subarray(this.#from, to));
    this.#from = to;
  }

  #give(last: boolean): void {
    this.#out.push({ type: 'oversized', raw: this.#raw.join(), last });
    this.#raw.clear();
    this.#data = undefined;
  }

  #onField(field: 'event' | 'id' | 'retry', value: string): void {
    if (field === 'event') this.#fields.event = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) this.#fields.retryMs = Number(value);
    else if (field === 'id' && !value.includes('\0')) this.#fields.id = value;
  }

  #onEventEnd(after: number): void {
    this.#keep(after);
    if (this.#oversized || this.#raw.length > this.#eventBytesMax) this.#give(true);
    else {
      const data = this.#data === undefined ? {} : { data: this.#data.join() };
      this.#out.push({ type: 'event', raw: this.#raw.join(), ...data, ...this.#fields });
    }
    this.#raw.clear();
    this.#oversized = false;
    this.#data = undefined;
    this.#fields = {};
  }
}
