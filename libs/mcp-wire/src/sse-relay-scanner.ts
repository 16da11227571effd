import type { JsonRpcId } from './json-rpc-id.ts';
import { ResponseScanner, type ScanFault, type ScannedMessage } from './response-scanner.ts';
import { SseLines } from './sse-lines.ts';

/**
 * `answer` has the awaited id, `response` any other or none, `malformed` is text that begins like a message but cannot be
 * trusted to be one.
 */
export type RelayVerdict = 'answer' | 'response' | 'request' | 'notification' | 'malformed';

/** A point in a chunk from which on the client could act on a message. */
export interface RelayMark {
  /** Offset in the pushed chunk of the byte that completes the message, or that shows the fault. */
  readonly offset: number;
  readonly verdict: RelayVerdict;
  readonly message?: ScannedMessage;
  readonly fault?: ScanFault;
}

/** Told of the messages' text as it goes by. Offsets are into the chunk being scanned. */
export interface RelayDataListener {
  /** Text of the event's message, as a client joins it from its `data` lines. */
  onData(bytes: Uint8Array, start: number, end: number): void;
  /** A mark, once `onData` was told of all text up to and with the marked byte. */
  onMark(mark: RelayMark): void;
  onEventEnd(): void;
}

/**
 * Watches an event stream go by in constant memory, however long an event is, and marks the bytes that complete messages.
 *
 * The mark of an answer is its last closing brace: until that byte is out no client, not even one that parses data before
 * the blank line or at the end of the stream, can have the answer. So a relay forwards everything before the mark at
 * once, commits, then forwards the rest.
 */
export class SseRelayScanner {
  readonly #lines: SseLines;
  readonly #scanner: ResponseScanner;
  readonly #awaitedKey: string | undefined;
  readonly #listener: RelayDataListener | undefined;
  #marks: RelayMark[] = [];
  #hasData = false;
  #lastEventId: string | undefined;

  /** `awaited`: the id of the request this stream answers; undefined for a stream that answers none (legacy GET). */
  constructor(awaited: Pick<JsonRpcId, 'key'> | undefined, listener?: RelayDataListener) {
    this.#awaitedKey = awaited?.key;
    this.#listener = listener;
    this.#scanner = new ResponseScanner();
    this.#lines = new SseLines({
      onDataLine: (at) => {
        // Data lines are joined with LF: white space between tokens, a fault inside a string.
        if (this.#hasData) this.#scan(lineFeed, 0, 1, at);
        this.#hasData = true;
      },
      onData: (chunk, start, end) => this.#scan(chunk, start, end),
      onField: (field, value) => {
        if (field === 'id') this.#lastEventId = value;
      },
      onEventEnd: () => {
        if (this.#hasData) this.#scanner.reset();
        this.#hasData = false;
        this.#listener?.onEventEnd();
      },
    });
  }

  /** Nothing of the next event has come: a comment may be put here. */
  get isBetweenEvents(): boolean {
    return this.#lines.isBetweenEvents;
  }

  /** What a legacy client would send as `Last-Event-ID`; undefined when the stream cannot be resumed. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  /** Marks in this chunk, in order. */
  push(chunk: Uint8Array): readonly RelayMark[] {
    this.#marks = [];
    this.#lines.push(chunk);
    return this.#marks;
  }

  #scan(bytes: Uint8Array, start: number, end: number, markAt?: number): void {
    if (this.#scanner.fault !== undefined) return;
    let pos = start;
    while (pos < end) {
      const wasComplete = this.#scanner.complete;
      const stopped = this.#scanner.push(bytes, pos, end);
      const { fault, message } = this.#scanner;
      const offset = markAt ?? stopped;
      this.#listener?.onData(bytes, pos, Math.min(stopped + 1, end));
      if (fault !== undefined) {
        if (this.#scanner.opened) this.#add({ offset, verdict: 'malformed', fault });
        return;
      }
      if (message !== undefined && !wasComplete) this.#mark(offset, message);
      pos = stopped + 1;
    }
  }

  #mark(offset: number, message: ScannedMessage): void {
    const verdict = verdictOf(message, this.#awaitedKey);
    if (verdict !== undefined) this.#add({ offset, verdict, message });
  }

  #add(mark: RelayMark): void {
    this.#marks.push(mark);
    this.#listener?.onMark(mark);
  }
}

const lineFeed = Buffer.from('\n');

function verdictOf(message: ScannedMessage, awaitedKey: string | undefined): RelayVerdict | undefined {
  switch (message.kind) {
    case 'result':
    case 'error':
      return awaitedKey !== undefined && message.id?.key === awaitedKey ? 'answer' : 'response';
    case 'request':
    case 'notification':
      return message.kind;
    case 'other':
      return undefined;
  }
}
