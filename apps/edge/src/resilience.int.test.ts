import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

import { type ServerHttp2Stream } from 'node:http2';

import { encodeWebsocketFrame, opcode, WebsocketFrameDecoder } from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import { reasonOf } from '@sallyport/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FakeConnector } from './testing/fake-connector.ts';
import { ask, ByteStream, connectInner, HttpCall } from './testing/router-side.ts';
import { innerHost, knownTunnel, type RunningEdge, TestBed } from './testing/test-bed.ts';

let bed: TestBed;
let edge: RunningEdge;
let router: tunnel.TunnelServiceClient;
let upstreamPort = 0;

function transport(): string {
  return `ingress: [{ service: "http://127.0.0.1:${upstreamPort}" }]\n`;
}

function endToEnd(): string {
  return `ingress: [{ service: "http://127.0.0.1:${upstreamPort}" }]\n${bed.endToEnd()}`;
}

async function gone(socket: Socket, limitMs: number): Promise<number> {
  const startedMs = Date.now();
  await Promise.race([once(socket, 'close'), sleep(limitMs)]);
  return Date.now() - startedMs;
}

function noConnection(): Promise<void> {
  return expect
    .poll(
      () =>
        new Promise<number>((resolve) => {
          router.listConnections({ tunnelId: knownTunnel }, (_, response) =>
            resolve(response?.connections.length ?? -1),
          );
        }),
      { timeout: 10_000 },
    )
    .toBe(0);
}

beforeAll(async () => {
  bed = await TestBed.create();
  edge = await bed.startEdge({
    EDGE_HANDSHAKE_TIMEOUT_MS: '500',
    EDGE_REGISTER_TIMEOUT_MS: '800',
    EDGE_PING_INTERVAL_MS: '500',
    EDGE_PING_ACK_MS: '500',
    EDGE_OPEN_TIMEOUT_MS: '1000',
  });
  upstreamPort = (
    await bed.startUpstream((request, response) => {
      if (request.url === '/events') response.writeHead(200).write('data: 1\n\n');
      else response.end('ok');
    })
  ).port;
  router = bed.routerClient(edge);
});

afterAll(() => bed.close());

describe('strangers on the connector port', () => {
  it('garbage, silence and slow bytes are cut in time, and change nothing', async () => {
    const garbage = connectTcp(edge.connectorPort, '127.0.0.1');
    const silent = connectTcp(edge.connectorPort, '127.0.0.1');
    const slow = connectTcp(edge.connectorPort, '127.0.0.1');
    for (const socket of [garbage, silent, slow]) socket.on('error', () => undefined).resume();
    garbage.write(randomBytes(4096));
    const drip = setInterval(() => slow.write('\u0016'), 100);
    const cutAfterMs = await Promise.all([garbage, silent, slow].map((socket) => gone(socket, 3000)));
    expect(Math.max(...cutAfterMs)).toBeLessThan(2000);
    clearInterval(drip);
    await edge.process.line('connection refused', { reason: 'handshake-failed' });
  });

  it.each([
    ['another server name', 'edge.example.com', 'unknown-server-name'],
    ['TLS without HTTP/2', 'h2.cftunnel.com', 'not-registered-in-time'],
  ])('%s is cut', async (_, servername, reason) => {
    const socket = connectTls({ host: '127.0.0.1', port: edge.connectorPort, servername, rejectUnauthorized: false });
    socket.on('error', () => undefined).resume();
    expect(await gone(socket, 4000)).toBeLessThan(3000);
    await edge.process.line('connection refused', { reason });
  });

  it('HTTP/2 that is none is cut', async () => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: edge.connectorPort,
      servername: 'h2.cftunnel.com',
      rejectUnauthorized: false,
    });
    socket.on('error', () => undefined).resume();
    await once(socket, 'secureConnect');
    socket.write(randomBytes(8192));
    expect(await gone(socket, 4000)).toBeLessThan(2000);
  });

  it('a control stream of random bytes is cut', async () => {
    const fake = new FakeConnector(bed, edge.connectorPort);
    fake.control.start = () => randomBytes(2000);
    await fake.closed;
    await edge.process.line('connection refused', { reason: 'control-stream-malformed' });
  });
});

describe('registration', () => {
  it.each([
    ['a wrong secret', { tunnelSecret: Buffer.alloc(32, 1) }, /no such tunnel/],
    ['a foreign tunnel', { tunnelUuid: Buffer.alloc(16, 9) }, /no such tunnel/],
    ['another account', { accountTag: 'other' }, /no such tunnel/],
    ['a short secret', { tunnelSecret: Buffer.alloc(3) }, /out of bounds/],
    ['a UUID that is none', { clientUuid: Buffer.alloc(3) }, /out of bounds/],
  ])('%s is refused with a reason, and the edge closes', async (_, part, cause) => {
    const fake = new FakeConnector(bed, edge.connectorPort, part);
    await fake.closed;
    const refused = fake.event('refused');
    expect(refused?.type === 'refused' && refused.refusal.cause).toMatch(cause);
    expect(refused?.type === 'refused' && refused.refusal.cause).not.toContain('Unauthorized');
  });

  it('an archived tunnel is refused for good, a silent control for now', async () => {
    bed.controlAnswers = 'archived';
    const archived = new FakeConnector(bed, edge.connectorPort);
    await archived.closed;
    expect(archived.event('refused')).toMatchObject({
      refusal: { cause: expect.stringMatching(/archived/) as string },
    });
    bed.controlAnswers = 'unavailable';
    const later = new FakeConnector(bed, edge.connectorPort);
    await later.closed;
    expect(later.event('refused')).toMatchObject({ refusal: { cause: 'Unauthorized: edge not ready, retrying' } });
    bed.controlAnswers = 'accepted';
  });

  it('our connector ends with one clear line where it is refused for good', async () => {
    const connector = bed.startConnector(transport(), {
      edge,
      token: { ...bed.token, tunnelSecret: randomBytes(32) },
    });
    expect(await connector.exit).toBe(1);
    expect(connector.errors).toEqual([
      expect.stringMatching(/^connector: the edge refused this connector: .*no such tunnel/),
    ]);
  });

  it('a second connection in the same place replaces the first', async () => {
    const clientUuid = randomBytes(16);
    const first = new FakeConnector(bed, edge.connectorPort, { clientUuid });
    await expect.poll(() => first.event('registered')).toBeDefined();
    const second = new FakeConnector(bed, edge.connectorPort, { clientUuid });
    await first.closed;
    expect(second.event('registered')).toBeDefined();
    second.socket.destroy();
    await noConnection();
  });

  it('unregistering drains: the edge answers, sends nothing new, and closes', async () => {
    const fake = new FakeConnector(bed, edge.connectorPort);
    await expect.poll(() => fake.event('registered')).toBeDefined();
    fake.controlStream?.write(fake.control.unregister());
    await fake.closed;
    expect(fake.event('unregistered')).toBeDefined();
    await noConnection();
  });
});

describe('a connector without our feature', () => {
  it('carries byte streams in WebSocket messages, masked by the edge, pings answered', async () => {
    const fake = new FakeConnector(bed, edge.connectorPort);
    const got: Buffer[] = [];
    const streams: ServerHttp2Stream[] = [];
    fake.onStream = (stream, headers) => {
      expect(headers).toMatchObject({
        ':authority': innerHost,
        'cf-cloudflared-proxy-connection-upgrade': 'websocket',
        'sec-websocket-version': '13',
      });
      expect(headers).not.toHaveProperty('sallyport-raw-stream');
      FakeConnector.upgrade(stream, headers);
      const decoder = new WebsocketFrameDecoder('client', {
        data: (bytes) => void got.push(Buffer.from(bytes)),
        ping: () => undefined,
        close: () => void got.push(Buffer.from('<closed>')),
      });
      stream.on('data', (chunk: Buffer) => decoder.push(chunk));
      streams.push(stream);
    };
    await expect.poll(() => fake.event('registered')).toBeDefined();
    const stream = new ByteStream(router);
    expect((await stream.opened).connectionIndex).toBe(0);
    stream.write('to the proxy');
    await expect.poll(() => Buffer.concat(got).toString()).toBe('to the proxy');
    const [far] = streams;
    const reply = Buffer.concat([
      encodeWebsocketFrame(opcode.ping, Buffer.from('p'), undefined),
      encodeWebsocketFrame(opcode.binary, Buffer.from('to the '), undefined),
      encodeWebsocketFrame(opcode.binary, Buffer.from('router'), undefined),
    ]);
    for (const byte of reply) far?.write(Buffer.from([byte]));
    await expect.poll(() => Buffer.concat(stream.handled).toString()).toBe('to the proxyto the router');
    stream.end();
    await expect.poll(() => Buffer.concat(got).toString()).toBe('to the proxy<closed>');
    const text = new ByteStream(router);
    await text.opened;
    streams[1]?.write(encodeWebsocketFrame(opcode.text, Buffer.from('x'), undefined));
    await expect.poll(() => text.failure && reasonOf(text.failure)).toBe('framing_malformed');
    fake.socket.destroy();
    await noConnection();
  });

  it('that does not upgrade gives the router a reason, and nothing was sent', async () => {
    const fake = new FakeConnector(bed, edge.connectorPort);
    fake.onStream = (stream) => {
      stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': '' });
      stream.end('not a proxy');
    };
    await expect.poll(() => fake.event('registered')).toBeDefined();
    const stream = new ByteStream(router);
    await expect(stream.opened).rejects.toMatchObject({ code: 14 });
    expect(stream.failure && reasonOf(stream.failure)).toBe('byte_stream_not_accepted');
    fake.socket.destroy();
    await noConnection();
  });

  it('that answers malformed headers does no harm', async () => {
    const fake = new FakeConnector(bed, edge.connectorPort);
    fake.onStream = (stream) => {
      stream.respond({ ':status': 200, 'cf-cloudflared-response-headers': '!!' }, { endStream: true });
    };
    await expect.poll(() => fake.event('registered')).toBeDefined();
    expect((await new HttpCall(router, {}).done).reason).toBe('response_malformed');
    fake.socket.destroy();
    await noConnection();
  });
});

describe('loss', () => {
  it('no connector: NOT_FOUND', async () => {
    const stream = new ByteStream(router);
    await expect(stream.opened).rejects.toMatchObject({ code: 5 });
  });

  it('a connector killed in the middle of a stream ends the call with a reason', async () => {
    const connector = bed.startConnector(transport(), { edge });
    await connector.line('connector registered');
    const call = new HttpCall(router, { path: '/events' });
    await call.head;
    await connector.stop('SIGKILL');
    const answer = await call.done;
    expect(answer).toMatchObject({ reason: 'connector_lost', code: 10 });
    await noConnection();
  });

  it('a frozen connector is noticed, and comes back when it thaws', async () => {
    const connector = bed.startConnector(endToEnd(), { edge });
    await connector.line('connector registered');
    const tls = { ...(await bed.routerCertificate()), ca: bed.innerAuthority?.certificatePem ?? '' };
    const client = await connectInner(router, tls);
    expect((await ask(client.session, {})).body).toBe('ok');
    process.kill(connector.pid, 'SIGSTOP');
    const startedMs = Date.now();
    await expect(ask(client.session, {})).rejects.toThrow(/./);
    expect(Date.now() - startedMs).toBeLessThan(5000);
    expect(client.stream.failure && reasonOf(client.stream.failure)).toBe('connector_lost');
    const refused = new ByteStream(router);
    await expect(refused.opened).rejects.toMatchObject({ code: 5 });
    process.kill(connector.pid, 'SIGCONT');
    await connector.line('connector registered', {}, 2);
    expect((await ask((await connectInner(router, tls)).session, {})).body).toBe('ok');
    await connector.stop('SIGTERM');
    await noConnection();
  });

  it('a connector that freezes before it takes a stream is left for another', async () => {
    const frozen = new FakeConnector(bed, edge.connectorPort);
    frozen.onStream = () => undefined;
    await expect.poll(() => frozen.event('registered')).toBeDefined();
    const busy = new FakeConnector(bed, edge.connectorPort);
    busy.onStream = (stream, headers) => FakeConnector.upgrade(stream, headers);
    await expect.poll(() => busy.event('registered')).toBeDefined();
    const streams = [new ByteStream(router), new ByteStream(router), new ByteStream(router)];
    await Promise.all(streams.map((stream) => stream.opened));
    for (const stream of streams) stream.destroy();
    frozen.socket.destroy();
    busy.socket.destroy();
    await noConnection();
  });

  it('the connector says goodbye on SIGTERM, letting an open answer finish', async () => {
    const connector = bed.startConnector(`${transport()}grace-period: 5s\n`, { edge });
    await connector.line('connector registered');
    const call = new HttpCall(router, { path: '/events' });
    await call.head;
    const before = edge.process.lines.filter((line) => line['msg'] === 'connector says goodbye').length;
    connector.child.kill('SIGTERM');
    await edge.process.line('connector says goodbye', {}, before + 1);
    expect((await new HttpCall(router, {}).done).reason).toMatch(/no_connector|connector_lost_before_send/);
    call.call.cancel();
    expect(await connector.exit).toBe(0);
    await noConnection();
  });

  it('the connector comes back to an edge that was restarted', async () => {
    const first = await bed.startEdge();
    const connector = bed.startConnector(transport(), { edge: first, connections: 2 });
    await connector.line('connector registered', { connIndex: 1 });
    await first.process.stop('SIGTERM');
    const second = await bed.startEdge({ EDGE_CONNECTOR_PORT: String(first.connectorPort) });
    await connector.line('connector registered', { connIndex: 0 }, 2);
    await connector.line('connector registered', { connIndex: 1 }, 2);
    const answer = await new HttpCall(bed.routerClient(second), {}).done;
    expect(answer.body.toString()).toBe('ok');
    await connector.stop('SIGTERM');
  });

  it('the edge keeps running through all of it', () => {
    expect(edge.process.child.exitCode).toBeNull();
    expect(edge.process.lines.filter((line) => line['level'] === 'error')).toEqual([]);
  });
});
