import { opcode, unmask } from './websocket-frame.ts';

/** Why a peer's frames were refused; each maps to close code 1002 but for `text-message`, which is 1003 (RFC 6455 §7.4.1). */
export type WebsocketRefusal =
  | 'reserved-bits'
  | 'unknown-opcode'
  | 'text-message'
  | 'not-masked'
  | 'masked'
  | 'bad-length'
  | 'control-frame-fragmented'
  | 'control-frame-too-long'
  | 'continuation-without-start'
  | 'start-inside-message';

/** Where decoded parts go, in order, during `push`. Buffers are views of the chunk: use or copy them before returning. */
export interface WebsocketSink {
  /** Payload of binary messages, as it arrives: message borders mean nothing in a byte stream. */
  data(bytes: Buffer): void;
  ping(payload: Buffer): void;
  /** 1005 where the peer gave no code. Nothing follows. */
  close(statusCode: number): void;
}

const controlBytesMax = 125;
const headerBytesMax = 14;

/**
 * Incremental decoder of a byte stream carried in binary messages (RFC 6455). Holds at most one header and one control payload, whatever
 * length a frame claims. `peer` says whose frames these are: a client's must be masked, a server's must not. Unmasks in place.
 */
export class WebsocketFrameDecoder {
  readonly #masked: boolean;
  readonly #sink: WebsocketSink;
  readonly #header = Buffer.alloc(headerBytesMax);
  #headerLength = 0;
  #headerNeeds = 2;
  #code = 0;
  #mask = 0;
  #payloadLeft = -1;
  #payloadSeen = 0;
  readonly #control = Buffer.alloc(controlBytesMax);
  #insideMessage = false;
  #closed = false;
  #refusal: WebsocketRefusal | undefined;

  constructor(peer: 'client' | 'server', sink: WebsocketSink) {
    this.#masked = peer === 'client';
    this.#sink = sink;
  }

  /** Undefined, or why the stream is over. What follows a close frame is ignored. */
  push(chunk: Buffer): WebsocketRefusal | undefined {
    let at = 0;
    while (at < chunk.length && this.#refusal === undefined && !this.#closed) {
      at = this.#payloadLeft < 0 ? this.#takeHeader(chunk, at) : this.#takePayload(chunk, at);
      if (this.#payloadLeft === 0) this.#endFrame();
    }
    return this.#refusal;
  }

  #takeHeader(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#headerNeeds - this.#headerLength);
    chunk.copy(this.#header, this.#headerLength, from, end);
    this.#headerLength += end - from;
    if (this.#headerLength < this.#headerNeeds) return end;
    if (this.#headerNeeds === 2) {
      this.#refusal = this.#checkStart();
      this.#headerNeeds = this.#wholeHeaderBytes();
      if (this.#headerNeeds > 2) return end;
    }
    this.#beginPayload();
    return end;
  }

  #checkStart(): WebsocketRefusal | undefined {
    const first = this.#header[0] ?? 0;
    const second = this.#header[1] ?? 0;
    this.#code = first & 15;
    const final = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) return 'reserved-bits';
    if (((second & 0x80) !== 0) !== this.#masked) return this.#masked ? 'not-masked' : 'masked';
    switch (this.#code) {
      case opcode.continuation:
        if (!this.#insideMessage) return 'continuation-without-start';
        this.#insideMessage = !final;
        return undefined;
      case opcode.binary:
        if (this.#insideMessage) return 'start-inside-message';
        this.#insideMessage = !final;
        return undefined;
      case opcode.text:
        return 'text-message';
      case opcode.close:
      case opcode.ping:
      case opcode.pong:
        if (!final) return 'control-frame-fragmented';
        return (second & 0x7f) > controlBytesMax ? 'control-frame-too-long' : undefined;
      default:
        return 'unknown-opcode';
    }
  }

  #wholeHeaderBytes(): number {
    const length = (this.#header[1] ?? 0) & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (this.#masked ? 4 : 0);
  }

  #beginPayload(): void {
    if (this.#refusal !== undefined) return;
    const short = (this.#header[1] ?? 0) & 0x7f;
    let length = short;
    if (short === 126) length = this.#header.readUInt16BE(2);
    else if (short === 127) {
      const upper = this.#header.readUInt32BE(2);
      length = upper * 0x1_0000_0000 + this.#header.readUInt32BE(6);
      if (upper >= 0x20_0000) this.#refusal = 'bad-length';
    }
    if ((short === 126 && length < 126) || (short === 127 && length < 65_536)) this.#refusal = 'bad-length';
    this.#mask = this.#masked ? this.#header.readUInt32BE(this.#headerNeeds - 4) : 0;
    this.#payloadLeft = length;
    this.#payloadSeen = 0;
    this.#headerLength = 0;
    this.#headerNeeds = 2;
  }

  #takePayload(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#payloadLeft);
    const part = chunk.subarray(from, end);
    if (this.#masked) unmask(part, this.#mask, this.#payloadSeen);
    if (this.#code >= opcode.close) part.copy(this.#control, this.#payloadSeen);
    else if (part.length > 0) this.#sink.data(part);
    this.#payloadLeft -= part.length;
    this.#payloadSeen += part.length;
    return end;
  }

  #endFrame(): void {
    if (this.#refusal !== undefined) return;
    this.#payloadLeft = -1;
    const control = this.#control.subarray(0, this.#payloadSeen);
    if (this.#code === opcode.ping) this.#sink.ping(control);
    else if (this.#code === opcode.close) {
      this.#closed = true;
      this.#sink.close(control.length >= 2 ? control.readUInt16BE(0) : 1005);
    }
  }
}
