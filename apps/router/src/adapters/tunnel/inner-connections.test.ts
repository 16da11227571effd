import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FarProxy, post } from '../../testing/far-proxy.ts';
import type { Route } from '../../ports/routes.ts';
import { InnerConnections } from './inner-connections.ts';

const headMsMax = 5_000;
let far: FarProxy;
let connections: InnerConnections;
let onRequest: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  onRequest = (_request, response) => response.end('hello');
  far = await FarProxy.start((request, response) => onRequest(request, response));
  connections = new InnerConnections(far, far.identity);
});
afterEach(() => {
  connections.close();
  far.stop();
});

async function send(route: Route = far.route()) {
  const connection = await connections.acquire(route, '');
  if (!connection.ok) return connection;
  return connection.value.send(route, post, headMsMax).response;
}

async function text(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  body.on('data', (chunk: Buffer) => chunks.push(chunk));
  body.on('error', () => undefined);
  if (!body.closed) await new Promise((resolve) => body.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

async function answerTo(route?: Route): Promise<string> {
  const response = await send(route);
  return response.ok ? text(response.value.body) : response.reason.reason;
}

/** Answers when the test says so. */
function holdAnswers(): ServerResponse[] {
  const held: ServerResponse[] = [];
  onRequest = (_request, response) => {
    response.flushHeaders();
    held.push(response);
  };
  return held;
}

describe.each(['h2', 'http/1.1'] as const)('a proxy that speaks %s inside', (protocol) => {
  beforeEach(() => {
    far.protocol = protocol;
  });

  it('answers one call after the other on one connection', async () => {
    expect(await answerTo()).toBe('hello');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await answerTo()).toBe('hello');
    expect(far.streams).toHaveLength(1);
  });

  it('whose stream breaks loses the call at once', async () => {
    holdAnswers();
    const response = await send();
    const body = response.ok ? response.value.body : undefined;
    far.streams[0]?.near.destroy();
    expect(await text(body as Readable)).toBe('');
    expect(body?.readableEnded).toBe(false);
    expect(response.ok && response.value.broken()).toMatchObject({ code: 'stream_lost', sent: true });
  });

  it('whose stream breaks before it answers loses the call at once', async () => {
    onRequest = () => far.streams[0]?.near.destroy();
    expect(await send()).toMatchObject({ ok: false, reason: { code: 'stream_lost', sent: true } });
  });

  it('is asked anew under another set of CA certificates, and running calls go on', async () => {
    const held = holdAnswers();
    const running = await send();
    onRequest = (_request, response) => response.end('new');
    expect(await answerTo(far.route(undefined, 'ca-2'))).toBe('new');
    expect(far.streams).toHaveLength(2);
    held[0]?.end('old');
    expect(running.ok && (await text(running.value.body))).toBe('old');
  });

  it('is believed about what it did not send only where it is ours', async () => {
    onRequest = (_request, response) => response.writeHead(404, { 'sallyport-reason': 'no_ingress_rule' }).end();
    expect(await send()).toMatchObject({ reason: { reason: 'no_ingress_rule', sent: false } });
    const foreign = far.route('other.x.tunnels.example', 'ca-1', { routerUnauthenticated: true });
    expect(await send(foreign)).toMatchObject({ ok: true, value: { status: 404 } });
  });

  it('is reached under as many names as are in use, not as a client can think of', async () => {
    const held = holdAnswers();
    const hosts = Array.from({ length: 64 }, (_, index) => `h${index}.x.tunnels.example`);
    const [first] = await Promise.all(hosts.map((host) => send(far.route(host))));
    expect(await send(far.route('one-more.x.tunnels.example'))).toMatchObject({ reason: { reason: 'too_many_hosts' } });
    for (const answer of held) answer.end();
    if (first?.ok === true) await text(first.value.body);
    onRequest = (_request, response) => response.end('hello');
    expect(await answerTo(far.route('one-more.x.tunnels.example'))).toBe('hello');
  });
});

it('a name that cannot be reached takes no room', async () => {
  far.refuses = true;
  for (let index = 0; index < 200; index += 1) await send(far.route(`h${index}.x.tunnels.example`));
  far.refuses = false;
  expect(await answerTo(far.route('good.x.tunnels.example'))).toBe('hello');
});

it('a connection that its far end closes is replaced', async () => {
  expect(await answerTo()).toBe('hello');
  const closed = once(far.streams[0]?.near as Readable, 'close');
  far.sessions[0]?.close();
  await closed;
  expect(await answerTo()).toBe('hello');
  expect(far.streams).toHaveLength(2);
});

it('a proxy that begins to speak HTTP/2 is spoken to in HTTP/2', async () => {
  far.protocol = 'http/1.1';
  holdAnswers();
  await send();
  far.protocol = 'h2';
  onRequest = (_request, response) => response.end('hello');
  expect(await send()).toMatchObject({ reason: { reason: 'protocol_changed', sent: false } });
  expect(await answerTo()).toBe('hello');
});

it('an answer of HTTP/1.1 is whole for a slow reader although its connection has ended', async () => {
  far.protocol = 'http/1.1';
  const size = 3 << 20;
  onRequest = (_request, response) => response.writeHead(200, { connection: 'close' }).end('x'.repeat(size));
  const response = await send();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(response.ok && (await text(response.value.body)).length).toBe(size);
});

it('a tunnel without a registered CA says so', async () => {
  expect(await send(far.route(undefined, undefined, { caCertificatesPem: [] }))).toMatchObject({
    reason: { code: 'inner_tls_refused', reason: 'no_registered_ca', sent: false },
  });
});
