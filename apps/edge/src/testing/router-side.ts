import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { type ClientDuplexStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { tunnel } from '@sallyport/contracts';
import { reasonOf } from '@sallyport/grpc';

import { innerHost, knownTunnel } from './test-bed.ts';

type ByteStreamCall = ClientDuplexStream<tunnel.OpenByteStreamRequest, tunnel.OpenByteStreamResponse>;

/** What a router sees of one byte stream. `handled` is every byte that the edge handled, both ways. */
export class ByteStream extends Duplex {
  readonly call: ByteStreamCall;
  readonly opened: Promise<tunnel.ByteStreamOpened>;
  readonly handled: Buffer[] = [];
  failure: ServiceError | undefined;

  constructor(client: tunnel.TunnelServiceClient, host = innerHost, tunnelId = knownTunnel) {
    super();
    this.call = client.openByteStream();
    this.opened = new Promise((resolve, reject) => {
      this.call.on('data', ({ message }: tunnel.OpenByteStreamResponse) => {
        if (message?.$case === 'opened') resolve(message.value);
        else if (message?.$case === 'data') {
          this.handled.push(message.value);
          if (!this.push(message.value)) this.call.pause();
        }
      });
      this.call.on('error', (error: ServiceError) => {
        this.failure = error;
        reject(error);
        this.destroy();
      });
    });
    this.opened.catch(() => undefined);
    this.call.on('end', () => {
      this.push(null);
      setImmediate(() => this.destroy());
    });
    this.call.write({ message: { $case: 'open', value: { tunnelId, host } } });
  }

  override _read(): void {
    this.call.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.handled.push(Buffer.from(chunk));
    // TLS hands over megabytes at once; a message carries at most 64 KiB.
    for (let at = 0; at < chunk.length; at += 65_536) {
      const value = chunk.subarray(at, at + 65_536);
      this.call.write({ message: { $case: 'data', value } }, at + 65_536 >= chunk.length ? () => done() : undefined);
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.call.end();
    done();
  }

  override _destroy(_: Error | null, done: (error: Error | null) => void): void {
    this.call.cancel();
    done(null);
  }
}

export interface InnerClient {
  readonly stream: ByteStream;
  readonly session: ClientHttp2Session;
  readonly socket: TLSSocket;
}

/** A router's inner TLS connection with HTTP/2 on it. */
export async function connectInner(
  client: tunnel.TunnelServiceClient,
  tls: { readonly cert?: string; readonly key?: string; readonly ca: string; readonly ciphers?: string },
): Promise<InnerClient> {
  const stream = new ByteStream(client);
  const socket = connectTls({ socket: stream, ...tls, servername: innerHost, ALPNProtocols: ['h2'] });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
    // Node's TLS over a plain stream does not notice its end by itself.
    stream.once('close', () => {
      socket.destroy();
      reject(stream.failure ?? new Error('the byte stream ended'));
    });
  });
  socket.on('error', () => undefined);
  const session = connectHttp2(`https://${innerHost}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  socket.once('close', () => session.destroy());
  if (socket.destroyed) throw new Error('the byte stream ended');
  return { stream, session, socket };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request on an HTTP/2 session, to its end. */
export function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = session.request(
      { ':path': '/', ':authority': innerHost, ...headers },
      { endStream: body === undefined },
    );
    let status = 0;
    let answered: Answer['headers'] = {};
    const chunks: Buffer[] = [];
    request.on('response', (response) => {
      status = response[':status'] ?? 0;
      answered = response;
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', reject);
    request.on('close', () => {
      if (status === 0 || request.aborted) reject(new Error(`closed with ${request.rstCode}`));
      else resolve({ status, headers: answered, body: Buffer.concat(chunks).toString() });
    });
    if (body !== undefined) request.end(body);
  });
}

export interface HttpAnswer {
  readonly head: tunnel.HttpResponseHead | undefined;
  readonly body: Buffer;
  readonly trailers: readonly tunnel.HttpHeader[];
  readonly reason: string | undefined;
  readonly code: number;
}

/** One request in transport mode. */
export class HttpCall {
  readonly call: ClientDuplexStream<tunnel.SendHttpRequestRequest, tunnel.SendHttpRequestResponse>;
  readonly head: Promise<tunnel.HttpResponseHead>;
  readonly done: Promise<HttpAnswer>;
  readonly chunks: Buffer[] = [];

  constructor(
    client: tunnel.TunnelServiceClient,
    part: Partial<tunnel.HttpRequestHead>,
    body?: string,
    options: { readonly metadata?: Metadata; readonly open?: boolean } = {},
  ) {
    this.call = client.sendHttpRequest(options.metadata ?? new Metadata());
    let head: tunnel.HttpResponseHead | undefined;
    let trailers: readonly tunnel.HttpHeader[] = [];
    const heads = Promise.withResolvers<tunnel.HttpResponseHead>();
    this.head = heads.promise;
    this.head.catch(() => undefined);
    this.done = new Promise((resolve) => {
      const answer = (reason: string | undefined, code: number) => {
        heads.reject(new Error(reason));
        resolve({ head, body: Buffer.concat(this.chunks), trailers, reason, code });
      };
      this.call.on('data', ({ message }: tunnel.SendHttpRequestResponse) => {
        if (message?.$case === 'head') {
          head = message.value;
          heads.resolve(head);
        } else if (message?.$case === 'data') this.chunks.push(message.value);
        else if (message?.$case === 'trailers') trailers = message.value.headers;
      });
      this.call.on('error', (error: ServiceError) => answer(reasonOf(error) ?? error.details, error.code));
      this.call.on('end', () => answer(undefined, 0));
    });
    const value = {
      tunnelId: knownTunnel,
      method: 'GET',
      authority: 'app.acme.tunnel.test',
      path: '/',
      headers: [],
      clientIp: '203.0.113.7',
      websocket: false,
      endOfBody: body === undefined && part.websocket !== true,
      ...part,
    };
    this.call.write({ message: { $case: 'head', value } });
    if (body !== undefined) this.call.write({ message: { $case: 'data', value: Buffer.from(body) } });
    if (part.websocket !== true && options.open !== true) this.call.end();
  }
}

export function headerOf(head: tunnel.HttpResponseHead | undefined, name: string): readonly string[] {
  return (head?.headers ?? []).filter((header) => header.name === name).map((header) => header.value);
}
