import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { tunnel } from '@sallyport/contracts';
import { createCertificateAuthority } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AppProcess } from './testing/child-process.ts';
import { ask, ByteStream, connectInner, HttpCall, type InnerClient } from './testing/router-side.ts';
import { innerHost, type RunningEdge, TestBed } from './testing/test-bed.ts';

let bed: TestBed;
let edge: RunningEdge;
let router: tunnel.TunnelServiceClient;
let connector: AppProcess;
let ca = '';
let aborted = 0;
const seen: IncomingMessage[] = [];

function upstream(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request);
  if (request.url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => response.write(`data: ${(count += 1)}\n\n`), 50);
    response.on('close', () => {
      clearInterval(timer);
      aborted += 1;
    });
  } else if (request.url === '/dies') {
    response.writeHead(200);
    response.write('part');
    setTimeout(() => response.destroy(), 50);
  } else {
    response.writeHead(200, { 'sallyport-reason': 'forged' });
    request.pipe(response);
  }
}

async function connect(): Promise<InnerClient> {
  return connectInner(router, { ...(await bed.routerCertificate()), ca });
}

function answerOf(client: InnerClient, path: string, body?: string) {
  return ask(client.session, { ':method': body === undefined ? 'GET' : 'POST', ':path': path }, body);
}

beforeAll(async () => {
  bed = await TestBed.create();
  ca = bed.innerAuthority?.certificatePem ?? '';
  edge = await bed.startEdge();
  const { port } = await bed.startUpstream(upstream);
  connector = bed.startConnector(
    `ingress:
  - { hostname: metadata.acme.tunnel.test, service: "http://169.254.169.254" }
  - { hostname: private.acme.tunnel.test, service: "http://10.0.0.1" }
  - { hostname: named.acme.tunnel.test, service: "http://localhost:${port}" }
  - { hostname: "${innerHost}", service: "http://127.0.0.1:${port}" }
  - { service: "http_status:404" }
${bed.endToEnd()}`,
    { edge, env: { CONNECTOR_CERTIFICATE_RELOAD_MS: '200' } },
  );
  await connector.line('connector registered');
  router = bed.routerClient(edge);
});

afterAll(() => bed.close());

describe('a call in inner TLS', () => {
  it('reaches the service, and no byte that the edge handled is payload', async () => {
    const client = await connect();
    const secret = randomBytes(24).toString('hex');
    const answer = await answerOf(client, `/tool-${secret}`, `{"argument":"${secret}"}`);
    expect(answer).toMatchObject({ status: 200, body: `{"argument":"${secret}"}` });
    expect(seen.at(-1)?.headers.host).toBe(innerHost);
    const handled = Buffer.concat(client.stream.handled);
    expect(handled.length).toBeGreaterThan(500);
    for (const text of [secret, 'argument', '/tool-']) expect(handled.includes(text)).toBe(false);
    expect(client.socket.getProtocol()).toBe('TLSv1.3');
    for (const { lines } of [edge.process, connector]) expect(JSON.stringify(lines)).not.toContain(secret);
    client.session.destroy();
  });

  it('carries many calls at once, large bodies both ways, and forged reasons nowhere', async () => {
    const client = await connect();
    const bodies = Array.from({ length: 20 }, (_, index) => randomBytes(index * 20_000).toString('hex'));
    const answers = await Promise.all(bodies.map((body) => answerOf(client, '/echo', body)));
    answers.forEach((answer, index) => {
      const digest = (text: string) => createHash('sha256').update(text).digest('hex');
      expect(digest(answer.body)).toBe(digest(bodies[index] ?? ''));
      expect(answer.headers['sallyport-reason']).toBeUndefined();
    });
    client.session.destroy();
  });

  it('continues the trace', async () => {
    const client = await connect();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await ask(client.session, { ':path': '/trace', traceparent });
    expect(seen.at(-1)?.headers['traceparent']).toContain('0af7651916cd43dd8448eb211c80319c');
    client.session.destroy();
  });

  it('streams events, and stops the service when the stream is reset', async () => {
    const client = await connect();
    const chunks: string[] = [];
    aborted = 0;
    const request = client.session.request({ ':path': '/events' });
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    await expect.poll(() => chunks.length).toBeGreaterThan(2);
    expect(chunks[0]).toBe('data: 1\n\n');
    request.close(8);
    await expect.poll(() => aborted).toBe(1);
    client.session.destroy();
  });

  it('stops the service when the router cuts the byte stream', async () => {
    const client = await connect();
    aborted = 0;
    const request = client.session.request({ ':path': '/events' });
    request.on('error', () => undefined);
    await new Promise((resolve) => request.once('data', resolve));
    client.stream.call.cancel();
    await expect.poll(() => aborted, { timeout: 3000 }).toBe(1);
  });

  it('does not pass a cut answer off as a whole one', async () => {
    const client = await connect();
    await expect(answerOf(client, '/dies')).rejects.toThrow(/NGHTTP2_INTERNAL_ERROR/);
    client.session.destroy();
  });

  it.each([
    ['metadata.acme.tunnel.test', 403, 'upstream_address_refused'],
    ['private.acme.tunnel.test', 403, 'upstream_address_refused'],
  ])('does not dial %s', async (host, status, reason) => {
    const client = await connect();
    const answer = await ask(client.session, { ':path': '/', ':authority': host });
    expect(answer.status).toBe(status);
    expect(answer.headers['sallyport-reason']).toBe(reason);
    client.session.destroy();
  });

  it('dials a checked address of a name, and answers 404 for a host without a rule', async () => {
    const client = await connect();
    expect((await ask(client.session, { ':path': '/', ':authority': 'named.acme.tunnel.test' })).status).toBe(200);
    expect((await ask(client.session, { ':path': '/', ':authority': 'other.test' })).status).toBe(404);
    client.session.destroy();
  });
});

describe('who is not the router', () => {
  async function refused(
    tls: { cert?: string; key?: string; ciphers?: string },
    reason: string,
    nth = 1,
  ): Promise<void> {
    const client = await connectInner(router, { ...tls, ca }).catch(() => undefined);
    if (client !== undefined) await expect(answerOf(client, '/never')).rejects.toThrow(/./);
    await connector.line('inner TLS refused', { reason }, nth);
    client?.session.destroy();
    expect(seen.every((request) => request.url !== '/never')).toBe(true);
  }

  it('nobody without a certificate', () => refused({}, 'router_certificate_missing'));

  it('nobody with an expired one', async () => {
    const notBefore = new Date(Date.now() - 7_200_000);
    const expired = await bed.routerCertificate({ notBefore, notAfter: new Date(Date.now() - 3_600_000) });
    await refused(expired, 'router_certificate_expired');
  });

  it('nobody with another name', async () => {
    await refused(
      await bed.routerCertificate({ dnsNames: ['edge.sallyport.internal'] }),
      'router_certificate_wrong_name',
    );
    const wildcard = await bed.routerCertificate({ dnsNames: ['*.sallyport.internal'] });
    await refused(wildcard, 'router_certificate_wrong_name', 2);
  });

  it('nobody of another authority, not even the one of the proxy itself', async () => {
    const foreign = await createCertificateAuthority('foreign', new Date(Date.now() + 3_600_000));
    await refused(await bed.routerCertificate({}, foreign), 'router_certificate_wrong_ca');
    await refused(await bed.routerCertificate({}, bed.innerAuthority), 'router_certificate_wrong_ca', 2);
  });

  it('nobody with a weak key', async () => {
    // The client's own OpenSSL would not even load it.
    const ciphers = 'DEFAULT@SECLEVEL=0';
    await refused(
      { ...(await bed.routerCertificate({ key: 'rsa1024' })), ciphers },
      'router_certificate_weak_or_malformed',
    );
  });

  it('nobody with a server certificate', async () => {
    await refused(await bed.routerCertificate({ usage: 'server' }), 'router_certificate_wrong_use');
  });

  it('nobody who speaks no TLS', async () => {
    const stream = new ByteStream(router);
    await stream.opened;
    stream.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await connector.line('inner TLS refused', { reason: 'inner_tls_failed' });
    stream.resume();
    await expect.poll(() => stream.destroyed || stream.readableEnded, { timeout: 3000 }).toBe(true);
    stream.destroy();
  });

  it('not the edge: a request that it originates is refused', async () => {
    const answer = await new HttpCall(router, { authority: innerHost, path: '/never' }).done;
    expect(answer.head).toMatchObject({ status: 502, fromConnector: true });
    expect(answer.head?.headers).toContainEqual({ name: 'sallyport-reason', value: 'edge_may_not_originate_requests' });
    await connector.line('stream refused', { reason: 'edge_may_not_originate_requests' });
    expect(seen.every((request) => request.url !== '/never')).toBe(true);
  });

  it('and no refusal leaves a byte stream open', async () => {
    const foreign = await createCertificateAuthority('foreign', new Date(Date.now() + 3_600_000));
    const tls = { ...(await bed.routerCertificate({}, foreign)), ca };
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const client = await connectInner(router, tls).catch(() => undefined);
      if (client === undefined) continue;
      await expect.poll(() => client.stream.destroyed, { timeout: 3000, interval: 5 }).toBe(true);
    }
  });
});

describe('certificates', () => {
  it('are reloaded while running; broken ones are not taken', async () => {
    const before = await connect();
    bed.write('routers-ca.pem', 'nonsense');
    await connector.line('new certificates are not usable; the old ones stay');
    expect((await answerOf(await connect(), '/still')).status).toBe(200);
    const next = await createCertificateAuthority('next', new Date(Date.now() + 3_600_000));
    bed.write('routers-ca.pem', next.certificatePem);
    await connector.line('certificates reloaded');
    await sleep(50);
    const old = await connect().catch(() => undefined);
    if (old !== undefined) await expect(answerOf(old, '/never')).rejects.toThrow(/./);
    const renewed = await connectInner(router, { ...(await bed.routerCertificate({}, next)), ca });
    expect((await answerOf(renewed, '/new')).status).toBe(200);
    // A connection that proved itself before stays.
    expect((await answerOf(before, '/before')).status).toBe(200);
  });
});
