import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { encodeTunnelToken, encodeWebsocketFrame, opcode, upgradeHeader } from '@sallyport/connector-wire';
import { createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { FakeEdge } from './testing/fake-edge.ts';

const host = 'tools.acme.tunnel.test';
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'sallyport-connector-'));
const notAfter = new Date(Date.now() + 3_600_000);
let inner: { ca: string; cert: string; key: string };
let edgeIdentity: { cert: string; key: string };
let upstream: Server;
let connector: ChildProcess | undefined;
let output = '';
let edge: FakeEdge;

function write(name: string, text: string): string {
  writeFileSync(join(directory, name), text, { mode: 0o600 });
  return join(directory, name);
}

async function start(endToEnd: boolean, answers: FakeEdge['answers'] = ['accept']): Promise<ChildProcess> {
  edge = new FakeEdge(edgeIdentity.cert, edgeIdentity.key);
  edge.answers = answers;
  const port = await edge.listen();
  const upstreamPort = (upstream.address() as AddressInfo).port;
  const mode = endToEnd
    ? 'x-sallyport: { cert: proxy.pem, key: proxy.key, router_ca: inner-ca.pem, allow: [127.0.0.1] }'
    : '';
  const config = write(
    'config.yml',
    `edge: ["127.0.0.1:${port}"]\ncacert: edge-ca.pem\nha-connections: 1\nretries: 0\ningress: [{ service: "http://127.0.0.1:${upstreamPort}" }]\n${mode}\n`,
  );
  const token = {
    accountTag: 'a',
    tunnelUuid: '11111111-2222-4333-8444-555555555555',
    tunnelSecret: Buffer.alloc(32, 5),
  };
  output = '';
  const child = spawn(process.execPath, [main, '--config', config], {
    env: {
      CONNECTOR_TOKEN: encodeTunnelToken(token),
      CONNECTOR_PING_INTERVAL_MS: '300',
      CONNECTOR_PING_ACK_MS: '300',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  connector = child;
  return child;
}

async function startRegistered(endToEnd: boolean): Promise<ChildProcess> {
  const child = await start(endToEnd);
  await expect.poll(() => output, { timeout: 15_000 }).toContain('"msg":"connector registered"');
  return child;
}

beforeAll(async () => {
  const edges = await createCertificateAuthority('edges', notAfter);
  write('edge-ca.pem', edges.certificatePem);
  const listener = await issueCertificate(edges, { dnsNames: ['h2.cftunnel.com'], notAfter, usage: 'server' });
  edgeIdentity = { cert: listener.certificatePem, key: listener.keyPem };
  const authority = await createCertificateAuthority('inner', notAfter);
  write('inner-ca.pem', authority.certificatePem);
  const proxy = await issueCertificate(authority, { dnsNames: [host], notAfter, usage: 'server' });
  write('proxy.pem', proxy.certificatePem);
  write('proxy.key', proxy.keyPem);
  const router = await issueCertificate(authority, {
    dnsNames: ['router.sallyport.internal'],
    notAfter,
    usage: 'client',
  });
  inner = { ca: authority.certificatePem, cert: router.certificatePem, key: router.keyPem };
  upstream = createServer((request, response) => void request.pipe(response)).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});

afterEach(async () => {
  if (connector !== undefined && connector.exitCode === null) {
    connector.kill('SIGKILL');
    await once(connector, 'exit');
  }
  edge.close();
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('an edge that does not know our feature', () => {
  it('carries inner TLS in WebSocket messages, HTTP/1.1 included, and malformed frames end the stream', async () => {
    await startRegistered(true);
    for (const protocol of ['h2', 'http/1.1']) {
      const socket = connectTls({ socket: edge.byteStream(), ...inner, servername: host, ALPNProtocols: [protocol] });
      await once(socket, 'secureConnect');
      expect(socket.alpnProtocol).toBe(protocol);
      const large = 'x'.repeat(300_000);
      if (protocol === 'h2') {
        const session = connectHttp2(`https://${host}`, { createConnection: () => socket });
        const stream = session.request({ ':method': 'POST', ':path': '/echo' });
        let body = '';
        stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
        stream.end(large);
        await once(stream, 'end');
        expect(body.length).toBe(large.length);
        session.destroy();
      } else {
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        socket.write(`POST /echo HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 4\r\n\r\nbody`);
        await expect.poll(() => text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*body/);
        socket.write('GET http://elsewhere/ HTTP/1.1\r\nhost: x\r\n\r\n');
        await expect.poll(() => text).toContain('sallyport-reason: request_malformed');
        socket.destroy();
      }
    }
    const broken = edge.byteStream();
    await once(broken.stream, 'response');
    broken.stream.write(encodeWebsocketFrame(opcode.binary, Buffer.from('unmasked'), undefined));
    await new Promise((resolve) => broken.stream.once('close', resolve));
    expect(broken.stream.rstCode).not.toBe(0);
  });
});

describe('what an edge may not do', () => {
  it.each([
    ['originate a request', {}, 'edge_may_not_originate_requests'],
    ['ask for TCP', { 'cf-cloudflared-proxy-src': '1.2.3.4', ':authority': '127.0.0.1:22' }, 'tcp_not_supported'],
    ['open a second control stream', { [upgradeHeader]: 'control-stream' }, 'second_control_stream'],
    ['open a WebSocket without a key', { [upgradeHeader]: 'websocket' }, 'websocket_key_malformed'],
  ])('%s in end-to-end mode', async (_, headers, reason) => {
    await startRegistered(true);
    const answer = await edge.request({ ':path': '/', ...headers });
    expect(answer.headers).toMatchObject({ ':status': 502, 'sallyport-reason': reason });
    expect(answer.headers['cf-cloudflared-response-meta']).toBe('{"src":"cloudflared"}');
  });

  it('rewrite the ingress rules', async () => {
    await startRegistered(false);
    const push = { version: 1, config: { ingress: [{ service: 'http_status:204' }] } };
    const answer = await edge.request(
      { ':method': 'POST', [upgradeHeader]: 'update-configuration' },
      JSON.stringify(push),
    );
    expect(JSON.parse(answer.body)).toMatchObject({ lastAppliedVersion: -1 });
    expect((await edge.request({ ':path': '/' })).headers[':status']).toBe(200);
  });
});

describe('registration and loss', () => {
  it('a temporary refusal is retried, also by a fresh process', async () => {
    await start(false, [{ cause: 'Unauthorized: edge not ready, retrying' }, { cause: 'EDUPCONN' }, 'accept']);
    await expect.poll(() => output, { timeout: 15_000 }).toContain('"msg":"connector registered"');
    expect(edge.registrations).toBe(3);
  });

  it('a final one ends a fresh process, with the edge’s words, but not one that was registered', async () => {
    const fresh = await start(false, [{ cause: 'tunnel token refused: no such tunnel' }]);
    expect(await once(fresh, 'exit')).toEqual([1, null]);
    expect(output).toContain('connector: the edge refused this connector: tunnel token refused: no such tunnel\n');
    edge.close();
    const child = await start(false, ['accept', { cause: 'tunnel token refused: no such tunnel' }, 'accept']);
    await expect.poll(() => edge.registrations, { timeout: 15_000 }).toBe(1);
    edge.sockets[0]?.destroy();
    await expect.poll(() => edge.registrations, { timeout: 15_000 }).toBe(3);
    expect(child.exitCode).toBeNull();
  });

  it('an edge that freezes is noticed and left', async () => {
    await startRegistered(false);
    edge.sockets[0]?.pause();
    // The session reads past the socket's own pause: take its handle's reading away.
    (edge.sockets[0] as unknown as { _handle: { readStop(): void } })._handle.readStop();
    await expect.poll(() => edge.registrations, { timeout: 15_000 }).toBe(2);
    expect(output).toContain('the edge does not answer');
  });

  it('SIGTERM says goodbye and ends with 0', async () => {
    const child = await startRegistered(false);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(edge.events.map((event) => event.type)).toContain('unregister');
  });
});
