import { constants, type ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

import { encodeWebsocketClose, encodeWebsocketFrame, opcode, WebsocketFrameDecoder } from '@sallyport/connector-wire';

import { resetStream } from '@sallyport/http2-streams';

/** Pongs wait in the stream's own buffer; a peer that pings without reading is cut at this. */
const backlogBytesMax = 1024 * 1024;

/** The byte stream inside WebSocket binary messages on one tunnel stream; the edge is the client, we are the server. */
export class WebsocketDuplex extends Duplex {
  readonly #stream: ServerHttp2Stream;
  readonly #decoder: WebsocketFrameDecoder;

  constructor(stream: ServerHttp2Stream) {
    super({ decodeStrings: true });
    this.#stream = stream;
    this.#decoder = new WebsocketFrameDecoder('client', {
      data: (bytes) => {
        if (!this.push(bytes)) stream.pause();
      },
      ping: (payload) => {
        if (stream.writableLength > backlogBytesMax) resetStream(stream, constants.NGHTTP2_ENHANCE_YOUR_CALM);
        else if (stream.writable) stream.write(encodeWebsocketFrame(opcode.pong, payload, undefined));
      },
      close: () => this.push(null),
    });
    stream.on('data', (chunk: Buffer) => {
      if (this.#decoder.push(chunk) !== undefined) resetStream(stream, constants.NGHTTP2_PROTOCOL_ERROR);
    });
    stream.once('end', () => this.push(null));
    stream.once('close', () => this.destroy());
    stream.on('error', () => this.destroy());
  }

  override _read(): void {
    this.#stream.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.#stream.writable) return done();
    const flushed = this.#stream.write(encodeWebsocketFrame(opcode.binary, chunk, undefined));
    if (flushed) done();
    else this.#stream.once('drain', () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#stream.writable) this.#stream.end(encodeWebsocketClose(1000, undefined));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    resetStream(this.#stream, constants.NGHTTP2_CANCEL);
    done(error);
  }
}
