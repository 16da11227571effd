import { randomFillSync } from 'node:crypto';

import { encodeWebsocketClose, encodeWebsocketFrame, opcode, WebsocketFrameDecoder } from '@sallyport/connector-wire';

/** How a byte stream travels in the DATA of one HTTP/2 stream. */
export interface ByteStreamFraming {
  /** What goes out for some payload; a view or a copy. */
  wrap(data: Buffer): Buffer;
  /** Hands the payload of a chunk to `data`. False: the peer's bytes make no sense, or it said goodbye. */
  unwrap(chunk: Buffer): boolean;
  /** What goes out last; undefined: nothing. */
  goodbye(): Buffer | undefined;
}

/** No framing: a connector that announced `sallyport_raw_streams`. */
export class RawFraming implements ByteStreamFraming {
  readonly #data: (bytes: Buffer) => void;

  constructor(data: (bytes: Buffer) => void) {
    this.#data = data;
  }

  wrap(data: Buffer): Buffer {
    return data;
  }

  unwrap(chunk: Buffer): boolean {
    this.#data(chunk);
    return true;
  }

  goodbye(): undefined {
    return undefined;
  }
}

const normalClosure = 1000;

/** WebSocket binary messages, as any connector carries them; the edge is the client and masks (RFC 6455 §5.3). */
export class WebsocketFraming implements ByteStreamFraming {
  readonly #decoder: WebsocketFrameDecoder;
  #closed = false;

  constructor(data: (bytes: Buffer) => void, reply: (frame: Buffer) => void) {
    this.#decoder = new WebsocketFrameDecoder('server', {
      data,
      ping: (payload) => reply(encodeWebsocketFrame(opcode.pong, payload, nextMask())),
      close: () => {
        this.#closed = true;
      },
    });
  }

  wrap(data: Buffer): Buffer {
    return encodeWebsocketFrame(opcode.binary, data, nextMask());
  }

  unwrap(chunk: Buffer): boolean {
    return this.#decoder.push(chunk) === undefined && !this.#closed;
  }

  goodbye(): Buffer {
    return encodeWebsocketClose(normalClosure, nextMask());
  }

  get closed(): boolean {
    return this.#closed;
  }
}

const masks = Buffer.alloc(4096);
let maskAt = masks.length;

/** Unpredictable, as RFC 6455 §10.3 asks; drawn a page at a time. */
function nextMask(): number {
  if (maskAt >= masks.length) {
    randomFillSync(masks);
    maskAt = 0;
  }
  const mask = masks.readUInt32BE(maskAt);
  maskAt += 4;
  return mask;
}
