import { type JsonTokenListener, JsonTokens } from './json-tokens.ts';
import { type JsonRpcId, parseJsonRpcId } from './json-rpc-id.ts';
import { envelopeNames, isAmbiguousKey } from './protocol-names.ts';

/** Why a message from the server is not taken for what it seems. `not_an_object` is no message to any client. */
export type ScanFault =
  | 'malformed_json'
  | 'too_deep'
  | 'not_an_object'
  | 'batch'
  | 'duplicate_key'
  | 'ambiguous_key'
  | 'message_shape';

/** What a complete message was. `other` has neither method nor result nor error, so no client can act on it. */
export interface ScannedMessage {
  readonly kind: 'result' | 'error' | 'request' | 'notification' | 'other';
  /** Absent when there is none and when it is null. One longer than 6 KiB as written is refused. */
  readonly id?: JsonRpcId;
  readonly method?: string;
  /** `result.isError` is literally true. */
  readonly isError?: boolean;
  /** At most 64 characters, else absent. */
  readonly resultType?: string;
  /** `result.protocolVersion`: what an `initialize` settled on. At most 64 characters, else absent. */
  readonly protocolVersion?: string;
  readonly errorCode?: number;
}

/** Nesting allowed in what a server sends; one byte of memory each. */
const depthMaxDefault = 256;
const shortTextMax = 64;

type Section = 'result' | 'error' | undefined;

/** Members of the envelope that may come once; all but `params` and `jsonrpc` are read. */
const bit: Readonly<Record<string, number>> = { jsonrpc: 1, id: 2, method: 4, params: 8, result: 16, error: 32 };
const tracked: Readonly<Record<'result' | 'error', Readonly<Record<string, number>>>> = {
  result: { isError: 64, resultType: 128, protocolVersion: 256 },
  error: { code: 512 },
};

/**
 * Watches one JSON-RPC message from a server go by, in chunks split anywhere, in constant memory whatever its size.
 * `push` names the byte that completes the message, so that a relay can hold back that byte and nothing before it.
 * Never throws on input. It does not check UTF-8: text passes through for the client to judge.
 */
export class ResponseScanner {
  readonly #tokens: JsonTokens;
  #seen = 0;
  #key: string | undefined;
  #section: Section;
  #refused: ScanFault | undefined;
  #opened = false;
  #found: { -readonly [Name in keyof ScannedMessage]?: ScannedMessage[Name] } = {};

  constructor(depthMax = depthMaxDefault) {
    const listener: JsonTokenListener = {
      onOpen: (depth, isObject) => this.#onOpen(depth, isObject),
      onClose: (depth) => {
        if (depth === 2) this.#section = undefined;
      },
      onKey: (depth, text) => this.#onKey(depth, text),
      onScalar: (depth, text) => this.#onScalar(depth, text),
    };
    this.#tokens = new JsonTokens(listener, depthMax);
  }

  /** Set as soon as the message cannot be what it should be; what was pushed since is not looked at. */
  get fault(): ScanFault | undefined {
    return this.#refused ?? this.#tokens.fault;
  }

  /** The text has begun like a message or a batch; text that has not is nothing to a JSON-RPC client. */
  get opened(): boolean {
    return this.#opened;
  }

  get complete(): boolean {
    return this.#tokens.done && this.fault === undefined;
  }

  /** Undefined until complete. */
  get message(): ScannedMessage | undefined {
    return this.complete ? { ...this.#found, kind: this.#kind() } : undefined;
  }

  reset(): void {
    this.#tokens.reset();
    this.#seen = 0;
    this.#key = undefined;
    this.#section = undefined;
    this.#refused = undefined;
    this.#opened = false;
    this.#found = {};
  }

  /**
   * Scans `bytes[start, end)`. Returns the offset of the byte that completes the message or shows a fault, `end` when
   * there is none; push what is behind a completing byte too, since only white space may follow.
   */
  push(bytes: Uint8Array, start = 0, end = bytes.length): number {
    return this.fault === undefined ? this.#tokens.scan(bytes, start, end) : end;
  }

  #refuse(fault: ScanFault): void {
    this.#refused ??= fault;
    this.#tokens.stop('malformed_json');
  }

  #onOpen(depth: number, isObject: boolean): void {
    if (depth === 1) this.#opened = true;
    if (depth === 1 && !isObject) this.#refuse('batch');
    if (depth !== 2) return;
    this.#section = isObject && (this.#key === 'result' || this.#key === 'error') ? this.#key : undefined;
    if (this.#key === 'id' || this.#key === 'method') this.#refuse('message_shape');
  }

  #onKey(depth: number, text: string | undefined): void {
    if (depth > 2) return;
    const key = text === undefined ? undefined : String(JSON.parse(text));
    this.#key = key;
    if (key === undefined) return;
    if (depth === 1) {
      this.#once(Object.hasOwn(bit, key) ? (bit[key] ?? 0) : 0);
      if (isAmbiguousKey(key, envelopeNames)) this.#refuse('ambiguous_key');
      if ((this.#seen & 16) !== 0 && (this.#seen & 32) !== 0) this.#refuse('message_shape');
      if ((this.#seen & 4) !== 0 && (this.#seen & 48) !== 0) this.#refuse('message_shape');
    } else if (this.#section !== undefined) {
      const names = tracked[this.#section];
      this.#once(Object.hasOwn(names, key) ? (names[key] ?? 0) : 0);
    }
  }

  #once(mark: number): void {
    if ((this.#seen & mark) !== 0) this.#refuse('duplicate_key');
    this.#seen |= mark;
  }

  #onScalar(depth: number, text: string | undefined): void {
    if (depth === 0) this.#refuse('not_an_object');
    // Any id has a longer spelling (`1` is `1.0…0`): one that was not read could be the awaited one.
    if (depth === 1 && this.#key === 'id' && text === undefined) this.#refuse('message_shape');
    if (text === undefined) return;
    if (depth === 1) this.#onEnvelope(text);
    else if (depth === 2 && this.#section !== undefined) this.#onSection(text);
  }

  #onEnvelope(text: string): void {
    if (this.#key === 'id') {
      const id = parseJsonRpcId(text);
      if (id !== undefined) this.#found.id = id;
      else if (text !== 'null') this.#refuse('message_shape');
    } else if (this.#key === 'method') {
      if (!text.startsWith('"')) this.#refuse('message_shape');
      else this.#found.method = String(JSON.parse(text));
    }
  }

  #onSection(text: string): void {
    const { resultType, protocolVersion } = tracked.result;
    const mark = this.#section === undefined ? 0 : (tracked[this.#section][this.#key ?? ''] ?? 0);
    if (mark === 64 && text === 'true') this.#found.isError = true;
    if (mark === 512 && /^-?\d{1,9}$/.test(text)) this.#found.errorCode = Number(text);
    if (mark !== resultType && mark !== protocolVersion) return;
    const value = text.startsWith('"') ? String(JSON.parse(text)) : undefined;
    if (value === undefined || value.length > shortTextMax) return;
    if (mark === resultType) this.#found.resultType = value;
    else this.#found.protocolVersion = value;
  }

  #kind(): ScannedMessage['kind'] {
    if ((this.#seen & 16) !== 0) return 'result';
    if ((this.#seen & 32) !== 0) return 'error';
    if ((this.#seen & 4) !== 0) return (this.#seen & 2) === 0 ? 'notification' : 'request';
    return 'other';
  }
}
