import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import type { Readable } from 'node:stream';
import {
  Channel,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  status as grpcStatus,
} from '@grpc/grpc-js';
import { tunnel } from '@sallyport/contracts';
import { type GrpcChannel, grpcFailure } from '@sallyport/grpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamRequest } from '../../ports/upstreams.ts';
import { Edges } from './edges.ts';
import { sendInTransportMode } from './transport-exchange.ts';

type HttpCall = ServerDuplexStream<tunnel.SendHttpRequestRequest, tunnel.SendHttpRequestResponse>;
type ByteCall = ServerDuplexStream<tunnel.OpenByteStreamRequest, tunnel.OpenByteStreamResponse>;

/** An edge that does what the test says, behind a connection of its own. */
class FakeEdge {
  onHttp: (call: HttpCall) => void = (call) => call.end();
  onBytes: (call: ByteCall) => void = (call) => call.end();
  calls = 0;
  readonly #server = new Server();
  readonly #sockets = new Set<Socket>();
  #wire: NetServer | undefined;

  async start(): Promise<GrpcChannel> {
    this.#server.addService(tunnel.TunnelServiceService, {
      sendHttpRequest: (call: HttpCall) => this.#take(() => this.onHttp(call)),
      openByteStream: (call: ByteCall) => this.#take(() => this.onBytes(call)),
      listConnections: () => undefined,
    });
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    this.#wire = createNetServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) this.#sockets.add(socket.on('error', () => undefined));
      near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(this.#wire, 'listening');
    const address = `127.0.0.1:${(this.#wire.address() as AddressInfo).port}`;
    const insecure = credentials.createInsecure();
    return { address, credentials: insecure, options: { channelOverride: new Channel(address, insecure, {}) } };
  }

  /** As a process that is killed: no word more, and nobody listens. */
  die(): void {
    this.#wire?.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.forceShutdown();
  }

  #take(run: () => void): void {
    this.calls += 1;
    run();
  }
}

const route = { tunnelId: 'tnl_1', host: 'files.x.tunnels.example' } as Route;
const request: UpstreamRequest = {
  method: 'POST',
  path: '/mcp',
  headers: [['content-type', 'application/json']],
  body: [Buffer.from('{}')],
  clientIp: '127.0.0.1',
};
const head = (headers: { name: string; value: string }[] = [], status = 200): tunnel.SendHttpRequestResponse => ({
  message: { $case: 'head', value: { status, headers, fromConnector: false } },
});

let first: FakeEdge;
let second: FakeEdge;
let edges: Edges;

beforeEach(async () => {
  [first, second] = [new FakeEdge(), new FakeEdge()];
  edges = new Edges([await first.start(), await second.start()]);
});
afterEach(() => {
  edges.close();
  first.die();
  second.die();
});

const send = (responseHeadMsMax = 3_000) =>
  sendInTransportMode(edges, route, request, { traceparent: '', responseHeadMsMax }).response;

describe('a request in transport mode', () => {
  it('is not repeated where the edge dies with it', async () => {
    first.onHttp = (call) => call.once('data', () => first.die());
    expect(await send()).toMatchObject({ ok: false, reason: { code: 'stream_lost', sent: true } });
    expect([first.calls, second.calls]).toEqual([1, 0]);
  });

  it('goes to another edge where the first one says that it sent nothing, or is not there', async () => {
    second.onHttp = (call) => {
      call.write(head());
      call.end();
    };
    first.onHttp = (call) => call.emit('error', grpcFailure(grpcStatus.NOT_FOUND, 'no_connector', 'none'));
    expect(await send()).toMatchObject({ ok: true, value: { status: 200 } });
    first.die();
    expect(await send()).toMatchObject({ ok: true, value: { status: 200 } });
    expect([first.calls, second.calls]).toEqual([1, 2]);
  });

  it('ends where the edge ends it without an answer', async () => {
    expect(await send()).toMatchObject({ ok: false, reason: { code: 'stream_lost', sent: true } });
  });

  it('ends where no answer begins in time', async () => {
    first.onHttp = () => undefined;
    expect(await send(50)).toMatchObject({ ok: false, reason: { code: 'upstream_timeout', sent: true } });
  });

  it.each([
    ['a line break in a header', head([{ name: 'x', value: 'a\r\nset-cookie: b' }])],
    ['a header that is no name', head([{ name: 'a b', value: '' }])],
    ['text beyond Latin-1', head([{ name: 'x', value: '€' }])],
    ['a status that is none', head([], 99_999)],
    ['an interim status', head([], 100)],
  ])('does not believe an edge that answers with %s', async (_, message) => {
    first.onHttp = (call) => void call.write(message);
    expect(await send()).toMatchObject({ ok: false, reason: { reason: 'response_head_malformed' } });
  });

  it('breaks off with the edge', async () => {
    first.onHttp = (call) => void call.write(head());
    const response = await send();
    const body = response.ok ? response.value.body : undefined;
    body?.resume();
    first.die();
    await once(body as Readable, 'close');
    expect(body?.readableEnded).toBe(false);
    expect(response.ok && response.value.broken()).toMatchObject({ code: 'stream_lost', sent: true });
  });
});

describe('a byte stream', () => {
  const opened: tunnel.OpenByteStreamResponse = {
    message: { $case: 'opened', value: { connectorId: 'c', connectionIndex: 0 } },
  };
  const open = () => edges.openByteStream('tnl_1', route.host, '');

  it('is refused at once by edges that do not follow the protocol', async () => {
    const startedMs = performance.now();
    expect(await open()).toMatchObject({ ok: false, reason: { reason: 'edge_protocol', sent: false } });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect([first.calls, second.calls]).toEqual([1, 1]);
  });

  it('that breaks as soon as it is open closes, and nothing else', async () => {
    first.onBytes = (call) => {
      call.write(opened);
      call.emit('error', grpcFailure(grpcStatus.ABORTED, 'connector_lost', 'lost'));
    };
    const stream = await open();
    if (!stream.ok) throw new Error(stream.reason.reason);
    if (!stream.value.closed) await new Promise((resolve) => stream.value.once('close', resolve));
    expect(stream.value.readableEnded).toBe(false);
  });

  it('gives all that was sent to a slow reader although the far end has closed', async () => {
    const piece = Buffer.alloc(64 * 1024, 'x');
    first.onBytes = (call) => {
      call.write(opened);
      for (let count = 0; count < 20; count += 1) call.write({ message: { $case: 'data', value: piece } });
      call.end();
    };
    const stream = await open();
    if (!stream.ok) throw new Error(stream.reason.reason);
    await new Promise((resolve) => setTimeout(resolve, 100));
    let bytes = 0;
    stream.value.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await once(stream.value, 'close');
    expect(bytes).toBe(20 * piece.length);
  });
});
