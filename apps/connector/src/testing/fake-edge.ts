import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';

import {
  EdgeControlSession,
  type EdgeControlEvent,
  encodeWebsocketFrame,
  opcode,
  upgradeHeader,
  WebsocketFrameDecoder,
} from '@sallyport/connector-wire';

/** How a fake edge answers a registration: with details, with a cause, or not at all. */
export type FakeAnswer = 'accept' | 'silence' | { readonly cause: string };

/** An edge that does as it pleases: the connector's other end in its tests. */
export class FakeEdge {
  readonly events: EdgeControlEvent[] = [];
  readonly sessions: ClientHttp2Session[] = [];
  readonly sockets: TLSSocket[] = [];
  readonly #server: Server;
  /** Answers in turn; the last one stays. */
  answers: FakeAnswer[] = ['accept'];

  constructor(cert: string, key: string) {
    this.#server = createServer({ cert, key }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }

  get registrations(): number {
    return this.events.filter((event) => event.type === 'register').length;
  }

  request(headers: OutgoingHttpHeaders, body?: string): Promise<{ headers: Record<string, unknown>; body: string }> {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error('nobody is connected');
    const stream = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let answered: Record<string, unknown> = {};
    stream.on('response', (response) => (answered = response));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    if (body !== undefined) stream.end(body);
    return new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('close', () => resolve({ headers: answered, body: Buffer.concat(chunks).toString() }));
    });
  }

  /** A byte stream in WebSocket messages, as an edge that does not know our feature opens it. */
  byteStream(): MaskedByteStream {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error('nobody is connected');
    return new MaskedByteStream(
      session.request(
        { ':path': '/', [upgradeHeader]: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
        { endStream: false },
      ),
    );
  }

  #accept(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    this.sockets.push(socket);
    const session = connect('https://edge.invalid', { createConnection: () => socket });
    session.on('error', () => undefined);
    this.sessions.push(session);
    const control = new EdgeControlSession();
    const stream = session.request({ ':path': '/', [upgradeHeader]: 'control-stream' }, { endStream: false });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      const received = control.receive(chunk);
      if (!received.ok) throw new Error(received.reason);
      this.events.push(...received.value);
      for (const event of received.value) this.#answer(event, control, stream, socket);
    });
  }

  #answer(event: EdgeControlEvent, control: EdgeControlSession, stream: ClientHttp2Stream, socket: TLSSocket): void {
    if (event.type === 'reply') stream.write(event.bytes);
    else if (event.type === 'unregister') {
      stream.write(control.acknowledge(event.questionId));
      setTimeout(() => socket.destroy(), 50);
    } else if (event.type === 'register') {
      const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) ?? 'accept';
      if (answer === 'silence') return;
      if (answer === 'accept') {
        const details = { connectionUuid: Buffer.alloc(16), locationName: 'fake', remotelyManaged: false };
        stream.write(control.acceptRegistration(event.questionId, details));
        return;
      }
      const refusal = { cause: answer.cause, retryAfterNs: 0n, shouldRetry: false };
      stream.write(control.refuseRegistration(event.questionId, refusal));
    }
  }
}

/** The client's end of a byte stream in WebSocket messages. */
export class MaskedByteStream extends Duplex {
  readonly stream: ClientHttp2Stream;
  readonly #decoder: WebsocketFrameDecoder;

  constructor(stream: ClientHttp2Stream) {
    super();
    this.stream = stream;
    this.#decoder = new WebsocketFrameDecoder('server', {
      data: (bytes) => void this.push(Buffer.from(bytes)),
      ping: () => undefined,
      close: () => void this.push(null),
    });
    stream.on('data', (chunk: Buffer) => this.#decoder.push(chunk));
    stream.on('error', () => undefined);
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.stream.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.stream.write(encodeWebsocketFrame(opcode.binary, chunk, 0x12345678), () => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stream.close();
    done(error);
  }
}
