import 'reflect-metadata';
import type { Server } from 'node:http';
import { Readable } from 'node:stream';
import { type ArgumentsHost, type DynamicModule, HttpException } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  type IncomingRestRequest,
  type RestAnswer,
  type RestMethod,
  restMethods,
  type RestReply,
  type RestRequest,
} from './rest-controller.ts';

export interface RestListener {
  readonly host: string;
  readonly port: number;
  readonly bodyBytesMax: number;
  /** PEM texts; without them plain HTTP, which is for loopback. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Called around each request: gives the headers of every answer and translates what went wrong. Never rejects. */
  readonly around: (request: RestRequest, handle: RestMethod) => Promise<RestAnswer>;
  /** The answer where no route fits or the request could not be read; `status` is what HTTP calls it. */
  readonly unroutable: (status: number) => RestAnswer;
}

const headerMsMax = 10_000;
const requestMsMax = 60_000;
type FastifyReplyLike = {
  code(status: number): FastifyReplyLike;
  headers(headers: Readonly<Record<string, string>>): FastifyReplyLike;
  send(payload: unknown): unknown;
  raw: NodeJS.WritableStream & { once(event: 'close', listener: () => void): unknown };
};

/** Nest's HTTP application for a module with controllers made by `restController`. */
export class RestServer {
  readonly #app: NestFastifyApplication;
  readonly #listener: RestListener;
  readonly #streams: RunningStreams;

  private constructor(app: NestFastifyApplication, listener: RestListener, streams: RunningStreams) {
    this.#app = app;
    this.#listener = listener;
    this.#streams = streams;
  }

  static async create(module: DynamicModule, listener: RestListener): Promise<RestServer> {
    const adapter = new FastifyAdapter({
      bodyLimit: listener.bodyBytesMax,
      requestTimeout: requestMsMax,
      exposeHeadRoutes: false, // a HEAD would run what a GET runs, and throw the answer away
      return503OnClosing: false,
      routerOptions: { ignoreTrailingSlash: true },
      ...(listener.tls === undefined ? {} : { https: listener.tls }),
    } as ConstructorParameters<typeof FastifyAdapter>[0]);
    const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
      logger: false,
      abortOnError: false,
      bodyParser: false,
    });
    const fastify = adapter.getInstance();
    const streams = new RunningStreams();
    (fastify.server as Server).headersTimeout = headerMsMax;
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: listener.bodyBytesMax },
      (_request: unknown, body: unknown, done: (error: null, body: unknown) => void) => done(null, body),
    );
    fastify.decorateReply(
      restMethods as unknown as string,
      function (this: FastifyReplyLike, request: IncomingRestRequest, handle: RestMethod) {
        return respond({ reply: this, request, handle }, listener, streams);
      } as RestReply[typeof restMethods],
    );
    const server = new RestServer(app, listener, streams);
    // Nest has handlers of its own for what no route takes and for what could not be read; both end in its exception filters.
    app.useGlobalFilters({
      catch: (error: unknown, host: ArgumentsHost) => {
        send(host.switchToHttp().getResponse<FastifyReplyLike>(), listener.unroutable(statusOf(error)));
      },
    });
    return server;
  }

  get<Value>(token: abstract new (...args: never[]) => Value): Value {
    return this.#app.get(token);
  }

  async start(): Promise<void> {
    await this.#app.listen(this.#listener.port, this.#listener.host);
  }

  /** Streams end at once, for many have no end of their own; other requests may finish within `drainMs`. */
  async stop(drainMs: number): Promise<void> {
    this.#streams.stop();
    const server = this.#app.getHttpServer();
    const timer = setTimeout(() => server.closeAllConnections(), drainMs);
    await this.#app.close();
    clearTimeout(timer);
  }
}

/** The answers that are being streamed. */
class RunningStreams {
  readonly #running = new Set<AbortController>();
  #stopped = false;

  add(abort: AbortController): void {
    if (this.#stopped) return abort.abort();
    this.#running.add(abort);
    abort.signal.addEventListener('abort', () => this.#running.delete(abort), { once: true });
  }

  stop(): void {
    this.#stopped = true;
    for (const abort of this.#running) abort.abort();
  }
}

interface Exchange {
  readonly reply: FastifyReplyLike;
  readonly request: IncomingRestRequest;
  readonly handle: RestMethod;
}

async function respond(exchange: Exchange, listener: RestListener, streams: RunningStreams): Promise<void> {
  const { reply, request: incoming, handle } = exchange;
  const abort = new AbortController();
  reply.raw.once('close', () => abort.abort()); // also after the answer: nothing may run on for it
  const request: RestRequest = {
    method: incoming.method,
    path: incoming.url.split('?', 1)[0] ?? '/',
    params: incoming.params as Record<string, string>,
    query: incoming.query as Record<string, string>,
    headers: incoming.headers,
    body: Buffer.isBuffer(incoming.body) ? incoming.body : Buffer.alloc(0),
    clientIp: incoming.ip,
    signal: abort.signal,
  };
  const answer = await listener.around(request, async (asked) => {
    const given = await handle(asked);
    if (!('stream' in given)) return given;
    streams.add(abort);
    return { ...given, stream: await begun(given.stream) };
  });
  send(reply, answer);
}

/** Waits for the first piece: a stream that fails before it is answered like any other failure. */
async function begun(stream: AsyncIterable<Uint8Array | string>): Promise<AsyncIterable<Uint8Array | string>> {
  const pieces = stream[Symbol.asyncIterator]();
  const first = await pieces.next();
  return (async function* () {
    try {
      for (let piece = first; piece.done !== true; piece = await pieces.next()) yield piece.value;
    } finally {
      await pieces.return?.();
    }
  })();
}

function send(reply: FastifyReplyLike, answer: RestAnswer): void {
  reply.code(answer.status).headers(answer.headers ?? {});
  if ('stream' in answer) reply.send(Readable.from(answer.stream, { objectMode: false }));
  else reply.headers({ 'content-type': 'application/json' }).send(JSON.stringify(answer.json));
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;
}
