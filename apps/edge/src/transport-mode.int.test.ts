import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { Metadata } from '@grpc/grpc-js';
import { encodeWebsocketFrame, opcode } from '@sallyport/connector-wire';
import type { tunnel } from '@sallyport/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';

import { headerOf, HttpCall } from './testing/router-side.ts';
import { type RunningEdge, TestBed } from './testing/test-bed.ts';

let bed: TestBed;
let edge: RunningEdge;
let router: tunnel.TunnelServiceClient;
let aborted = 0;
const seen: IncomingMessage[] = [];

function upstream(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request);
  const path = request.url ?? '';
  request.on('aborted', () => (aborted += 1));
  if (path === '/echo') {
    response.writeHead(201, [
      ['Content-Type', 'text/plain'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['Sallyport-Call-Id', 'forged'],
    ] as never);
    request.pipe(response);
  } else if (path === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => response.write(`data: ${(count += 1)}\n\n`), 50);
    response.on('close', () => {
      clearInterval(timer);
      aborted += 1;
    });
  } else if (path === '/trailers') {
    response.writeHead(200, { trailer: 'x-check' });
    response.write('body');
    response.addTrailers({ 'x-check': 'sum' });
    response.end();
  } else if (path === '/huge-headers') {
    response.writeHead(200, { 'x-huge': 'x'.repeat(50_000) }).end();
  } else if (path === '/dies') {
    response.writeHead(200);
    response.write('part');
    setTimeout(() => response.destroy(), 50);
  } else if (path === '/large') {
    response.writeHead(200);
    for (let part = 0; part < 64; part += 1) response.write(Buffer.alloc(256 * 1024, part));
    response.end();
  } else if (path === '/redirect') {
    response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  } else if (path === '/early') {
    response.writeHead(413).end('enough');
  } else if (path !== '/never') response.end('ok');
}

beforeAll(async () => {
  bed = await TestBed.create();
  edge = await bed.startEdge({ EDGE_RESPONSE_HEADER_TIMEOUT_MS: '1500' });
  const { port, server } = await bed.startUpstream(upstream);
  const sockets = new WebSocketServer({ server, path: '/ws' });
  sockets.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  const connector = bed.startConnector(
    `ingress:
  - { hostname: status.acme.tunnel.test, service: "http_status:418" }
  - { hostname: dead.acme.tunnel.test, service: "http://127.0.0.1:1" }
  - { hostname: host.acme.tunnel.test, service: "http://127.0.0.1:${port}", originRequest: { httpHostHeader: inner.local } }
  - { hostname: "*.acme.tunnel.test", service: "http://127.0.0.1:${port}" }
  - { service: "http_status:404" }
`,
    { edge, connections: 2 },
  );
  await connector.line('connector registered', { connIndex: 1 });
  router = bed.routerClient(edge);
});

afterAll(() => bed.close());

describe('HTTP through edge and connector', () => {
  it('carries a request and its answer, with what the edge asserts and without what a caller forged', async () => {
    seen.length = 0;
    const forged = [
      ['cf-cloudflared-proxy-connection-upgrade', 'update-configuration'],
      ['cf-cloudflared-proxy-src', '1.2.3.4'],
      ['sallyport-raw-stream', '1'],
      ['x-forwarded-for', '6.6.6.6'],
      ['connection', 'x-hop'],
      ['x-hop', 'gone'],
      ['x-kept', 'yes'],
    ].map(([name = '', value = '']) => ({ name, value }));
    const answer = await new HttpCall(router, { method: 'POST', path: '/echo', headers: forged }, 'payload').done;
    expect(answer.head?.status).toBe(201);
    expect(answer.head?.fromConnector).toBe(false);
    expect(answer.body.toString()).toBe('payload');
    expect(headerOf(answer.head, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(headerOf(answer.head, 'sallyport-call-id')).toEqual([]);
    const { headers } = seen[0]!;
    expect(headers).toMatchObject({ 'x-forwarded-for': '203.0.113.7', 'x-kept': 'yes', host: 'app.acme.tunnel.test' });
    expect(headers['traceparent']).toMatch(/^00-/);
    for (const name of [
      'x-hop',
      'cf-cloudflared-proxy-src',
      'cf-cloudflared-proxy-connection-upgrade',
      'sallyport-raw-stream',
    ]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('continues the trace of the router, not one that a caller sent', async () => {
    seen.length = 0;
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${traceId}-b7ad6b7169203331-01`);
    const forged = [{ name: 'traceparent', value: '00-11111111111111111111111111111111-1111111111111111-01' }];
    await new HttpCall(router, { headers: forged }, undefined, { metadata }).done;
    expect(seen[0]?.headers['traceparent']).toContain(traceId);
  });

  it('ends with a complete answer although the request goes on', async () => {
    const call = new HttpCall(router, { method: 'POST', path: '/early' }, 'first part', { open: true });
    const answer = await call.done;
    expect(answer.head?.status).toBe(413);
    expect(answer.body.toString()).toBe('enough');
    expect(answer.code).toBe(0);
  });

  it('routes by host and keeps the original host', async () => {
    expect((await new HttpCall(router, { authority: 'status.acme.tunnel.test' }).done).head?.status).toBe(418);
    expect((await new HttpCall(router, { authority: 'elsewhere.test' }).done).head?.status).toBe(404);
    seen.length = 0;
    await new HttpCall(router, { authority: 'host.acme.tunnel.test' }).done;
    expect(seen[0]?.headers).toMatchObject({ host: 'inner.local', 'x-forwarded-host': 'host.acme.tunnel.test' });
  });

  it('follows no redirect', async () => {
    const answer = await new HttpCall(router, { path: '/redirect' }).done;
    expect(answer.head?.status).toBe(302);
    expect(headerOf(answer.head, 'location')).toEqual(['http://127.0.0.1:1/']);
  });

  it('says that the connector answered, and why, where the service did not', async () => {
    const answer = await new HttpCall(router, { authority: 'dead.acme.tunnel.test' }).done;
    expect(answer.head).toMatchObject({ status: 502, fromConnector: true });
    expect(headerOf(answer.head, 'sallyport-reason')).toEqual(['upstream_unreachable']);
  });

  it('carries trailers', async () => {
    const answer = await new HttpCall(router, { path: '/trailers' }).done;
    expect(answer.body.toString()).toBe('body');
    expect(answer.trailers).toEqual([{ name: 'x-check', value: 'sum' }]);
  });

  it('refuses headers that would wedge the session, and goes on', async () => {
    const answer = await new HttpCall(router, { path: '/huge-headers' }).done;
    expect(headerOf(answer.head, 'sallyport-reason')).toEqual(['response_headers_too_large']);
    expect((await new HttpCall(router, {}).done).body.toString()).toBe('ok');
  });

  it('carries a large body under back-pressure', async () => {
    const call = new HttpCall(router, { path: '/large' });
    await call.head;
    call.call.pause();
    await sleep(300);
    call.call.resume();
    const answer = await call.done;
    const expected = createHash('sha256');
    for (let part = 0; part < 64; part += 1) expected.update(Buffer.alloc(256 * 1024, part));
    expect(createHash('sha256').update(answer.body).digest('hex')).toBe(expected.digest('hex'));
    const large = 'x'.repeat(1_000_000);
    const echoed = await new HttpCall(router, { method: 'POST', path: '/echo' }, large).done;
    expect(echoed.body.length).toBe(large.length);
  });

  it('streams events one by one, and cancels at the service when the caller leaves', async () => {
    aborted = 0;
    const call = new HttpCall(router, { path: '/events' });
    await call.head;
    while (call.chunks.length < 3) await sleep(10);
    expect(call.chunks[0]?.toString()).toBe('data: 1\n\n');
    call.call.cancel();
    await expect.poll(() => aborted, { timeout: 3000 }).toBeGreaterThan(0);
  });

  it('does not pass a cut answer off as a whole one', async () => {
    const answer = await new HttpCall(router, { path: '/dies' }).done;
    expect(answer.body.toString()).toBe('part');
    expect(answer.reason).toBe('stream_reset');
  });

  it('gives up on headers that never come', async () => {
    const answer = await new HttpCall(router, { path: '/never' }).done;
    expect(answer.reason).toBe('response_header_timeout');
    expect(answer.code).toBe(4);
  });

  it.each([
    [{ path: '/%zz' }, 'request_malformed'],
    [{ authority: 'management.argotunnel.com' }, 'host_forbidden'],
    [{ tunnelId: 'tnl_unknown' }, 'no_connector'],
    [{ headers: [{ name: 'bad name', value: 'x' }] }, 'header_malformed'],
    [{ headers: [{ name: 'x', value: 'a\r\nb: c' }] }, 'header_malformed'],
  ])('refuses %j', async (part, reason) => {
    expect((await new HttpCall(router, part).done).reason).toBe(reason);
  });

  it('lists its connections', async () => {
    const listed = await new Promise<tunnel.ListConnectionsResponse>((resolve, reject) => {
      router.listConnections({ tunnelId: 'tnl_00000000000000000000000001' }, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    expect(new Set(listed.connections.map((each) => each.connectionIndex))).toEqual(new Set([0, 1]));
    expect(listed.connections[0]?.version).toMatch(/^sallyport\//);
  });

  it('admits no other service than the router', async () => {
    const call = new HttpCall(bed.routerClient(edge, 'control'), {});
    expect((await call.done).reason).toBe('caller_not_admitted');
  });
});

describe('WebSocket through edge and connector', () => {
  it('upgrades and carries frames both ways', async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const call = new HttpCall(router, {
      path: '/ws',
      websocket: true,
      headers: [{ name: 'sec-websocket-key', value: key }],
    });
    const head = await call.head;
    expect(head.status).toBe(101);
    expect(headerOf(head, 'sec-websocket-accept')).toEqual(['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
    call.call.write({
      message: { $case: 'data', value: encodeWebsocketFrame(opcode.text, Buffer.from('hello'), 0x01020304) },
    });
    const expected = encodeWebsocketFrame(opcode.text, Buffer.from('hello'), undefined);
    await expect.poll(() => Buffer.concat(call.chunks).toString('hex')).toBe(expected.toString('hex'));
    call.call.cancel();
  });

  it('gives the service its say where it does not upgrade', async () => {
    const call = new HttpCall(router, { path: '/no-socket', websocket: true });
    expect(await call.head).toMatchObject({ status: 400, fromConnector: false });
    call.call.end();
  });
});
