import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';

import {
  ConnectorControlSession,
  type ConnectorControlEvent,
  encodeResponseHeaders,
  responseHeadersHeader,
  responseMetaHeader,
  type RegistrationRequest,
  streamKind,
  uuidBytes,
  websocketAccept,
} from '@sallyport/connector-wire';

import type { TestBed } from './test-bed.ts';

/** A connector as `cloudflared` is one: no feature of ours, its streams in the test's hands. */
export class FakeConnector {
  readonly socket: TLSSocket;
  readonly events: ConnectorControlEvent[] = [];
  readonly control = new ConnectorControlSession();
  readonly closed: Promise<void>;
  session: ServerHttp2Session | undefined;
  controlStream: ServerHttp2Stream | undefined;
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void = (stream) => stream.close();

  constructor(bed: TestBed, port: number, part: Partial<RegistrationRequest> = {}) {
    this.socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'h2.cftunnel.com',
      ca: readFileSync(bed.tls('listener').caFile),
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => resolve());
    });
    this.socket.once('secureConnect', () => {
      const session = performServerHandshake(this.socket);
      session.on('error', () => undefined);
      session.on('stream', (stream, headers) => {
        stream.on('error', () => undefined);
        if (streamKind(headers) === 'control') this.#register(stream, bed, part);
        else this.onStream(stream, headers);
      });
      this.session = session;
    });
  }

  event(type: ConnectorControlEvent['type']): ConnectorControlEvent | undefined {
    return this.events.find((event) => event.type === type);
  }

  /** Accepts a WebSocket stream as cloudflared does for an origin that upgraded. */
  static upgrade(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const block = encodeResponseHeaders([
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-Websocket-Accept', websocketAccept(String(headers['sec-websocket-key']))],
    ]);
    stream.respond({
      ':status': 200,
      [responseHeadersHeader]: block.ok ? block.value : '',
      [responseMetaHeader]: '{"src":"origin"}',
    });
  }

  #register(stream: ServerHttp2Stream, bed: TestBed, part: Partial<RegistrationRequest>): void {
    this.controlStream = stream;
    stream.respond({ ':status': 200 });
    stream.on('data', (chunk: Buffer) => {
      const received = this.control.receive(chunk);
      if (!received.ok) throw new Error(received.reason);
      this.events.push(...received.value);
      for (const event of received.value) if (event.type === 'reply') stream.write(event.bytes);
    });
    const request: RegistrationRequest = {
      accountTag: bed.token.accountTag,
      tunnelSecret: bed.token.tunnelSecret,
      tunnelUuid: uuidBytes(bed.token.tunnelUuid) ?? Buffer.alloc(0),
      connectionIndex: 0,
      clientUuid: randomBytes(16),
      features: ['serialized_headers', 'support_datagram_v2'],
      version: '2026.8.2',
      architecture: 'linux_amd64',
      originLocalIp: Buffer.alloc(4),
      previousAttempts: 0,
      ...part,
    };
    stream.write(this.control.start(request));
  }
}
