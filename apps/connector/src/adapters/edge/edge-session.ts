import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';

import {
  type ConnectionDetails,
  ConnectorControlSession,
  type ConnectorControlEvent,
  type EdgeAddress,
  type RegistrationRequest,
  streamKind,
  tunnelServerName,
} from '@sallyport/connector-wire';

import type { TunnelStreams } from './tunnel-streams.ts';

export interface SessionTimes {
  readonly pingIntervalMs: number;
  readonly pingAckMs: number;
}

/** How an attempt to be registered ended. `refused` is the edge's own word, `failed` everything below it. */
export type RegistrationOutcome =
  | { readonly type: 'registered'; readonly details: ConnectionDetails }
  | { readonly type: 'refused'; readonly cause: string }
  | { readonly type: 'failed'; readonly reason: string };

const dialTimeoutMs = 10_000;
/** TLS done to registered: the edge may take 5 s to answer the call. */
const registerTimeoutMs = 15_000;
const streamWindowBytes = 4 * 1024 * 1024;
const sessionWindowBytes = 32 * 1024 * 1024;
const sessionMemoryMegabytesMax = 128;
const streamsMax = 8_192;

/** One connection to an edge: we dial, the edge speaks HTTP/2 to us, we register on its control stream. */
export class EdgeSession {
  readonly registration: Promise<RegistrationOutcome>;
  /** Resolves with why, once; from then on another connection is needed. A leaving edge still finishes its streams. */
  readonly over: Promise<string>;
  /** Resolves when nothing is left of it. */
  readonly closed: Promise<void>;
  readonly #streams: TunnelStreams;
  readonly #request: RegistrationRequest;
  readonly #times: SessionTimes;
  readonly #control = new ConnectorControlSession();
  readonly #socket: TLSSocket;
  readonly #resolveRegistration: (outcome: RegistrationOutcome) => void;
  readonly #resolveOver: (reason: string) => void;
  readonly #resolveClosed: () => void;
  readonly #timer: NodeJS.Timeout;
  #session: ServerHttp2Session | undefined;
  #stream: ServerHttp2Stream | undefined;
  #pings: NodeJS.Timeout | undefined;

  constructor(
    edge: EdgeAddress,
    ca: string | undefined,
    request: RegistrationRequest,
    streams: TunnelStreams,
    times: SessionTimes,
  ) {
    this.#request = request;
    this.#streams = streams;
    this.#times = times;
    ({ promise: this.registration, resolve: this.#resolveRegistration } = Promise.withResolvers<RegistrationOutcome>());
    ({ promise: this.over, resolve: this.#resolveOver } = Promise.withResolvers<string>());
    ({ promise: this.closed, resolve: this.#resolveClosed } = Promise.withResolvers<void>());
    this.#timer = setTimeout(() => this.#end('not connected in time'), dialTimeoutMs);
    this.#socket = connect({
      host: edge.host,
      port: edge.port,
      servername: tunnelServerName,
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
    });
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 15_000);
    this.#socket.once('secureConnect', () => this.#secured());
    this.#socket.on('error', (error) => this.#end(dialFailure(error)));
    this.#socket.once('close', () => this.#end('closed by the edge'));
  }

  /** Says goodbye: the edge sends no more streams and closes when the open ones are done, or we do after `graceMs`. */
  async leave(graceMs: number): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || !stream.writable) return this.#end('stopped');
    stream.write(this.#control.unregister());
    const timer = setTimeout(() => this.#end('stopped'), graceMs);
    await this.closed;
    clearTimeout(timer);
  }

  #secured(): void {
    this.#timer.refresh();
    const session = performServerHandshake(this.#socket, {
      maxSessionMemory: sessionMemoryMegabytesMax,
      settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: streamsMax },
    });
    this.#session = session;
    session.setLocalWindowSize(sessionWindowBytes);
    session.on('error', (error) => this.#end(error.message));
    session.once('close', () => this.#end('closed by the edge'));
    session.once('goaway', () => this.#resolveOver('the edge is leaving'));
    session.on('stream', (stream, headers) => this.#streamOpened(stream, headers));
    clearTimeout(this.#timer);
    const registerTimer = setTimeout(() => this.#end('not registered in time'), registerTimeoutMs);
    this.registration.then(
      () => clearTimeout(registerTimer),
      () => undefined,
    );
  }

  #streamOpened(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (this.#stream !== undefined || streamKind(headers) !== 'control') return this.#streams.serve(stream, headers);
    this.#stream = stream;
    stream.respond({ ':status': 200 });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.once('close', () => this.#end('the edge closed the control stream'));
    stream.write(this.#control.start(this.#request));
  }

  #receive(chunk: Buffer): void {
    const received = this.#control.receive(chunk);
    if (!received.ok) return this.#end(`malformed control stream: ${received.reason}`);
    for (const event of received.value) this.#handle(event);
  }

  #handle(event: ConnectorControlEvent): void {
    switch (event.type) {
      case 'reply':
        if (this.#stream?.writable === true) this.#stream.write(event.bytes);
        return undefined;
      case 'registered':
        this.#resolveRegistration({ type: 'registered', details: event.details });
        this.#watch();
        return undefined;
      case 'refused':
        this.#resolveRegistration({ type: 'refused', cause: event.refusal.cause.slice(0, 512) });
        return this.#end('registration refused');
      case 'failed':
      case 'aborted':
        return this.#end(`the edge answered: ${event.reason.slice(0, 512)}`);
      case 'unregistered':
        if (this.#stream?.writable === true) this.#stream.end(this.#control.abort('rpc: shutdown'));
        return undefined;
      case 'local-configuration-taken':
        return undefined;
    }
  }

  /** Notices an edge that is gone while its TCP connection looks alive. */
  #watch(): void {
    const { pingIntervalMs, pingAckMs } = this.#times;
    this.#pings = setInterval(() => {
      const session = this.#session;
      if (session === undefined || session.destroyed) return;
      const bytesRead = this.#socket.bytesRead;
      const deadline = setTimeout(() => {
        if (this.#socket.bytesRead === bytesRead) this.#end('the edge does not answer');
      }, pingAckMs);
      session.ping(() => clearTimeout(deadline));
    }, pingIntervalMs);
  }

  #end(reason: string): void {
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    this.#resolveRegistration({ type: 'failed', reason });
    this.#resolveOver(reason);
    this.#session?.destroy();
    this.#socket.destroy();
    this.#resolveClosed();
  }
}

function dialFailure(error: Error): string {
  const code = 'code' in error ? String(error.code) : 'unknown';
  return code.startsWith('E') ? `cannot connect (${code})` : `the edge's certificate is not trusted (${code})`;
}
