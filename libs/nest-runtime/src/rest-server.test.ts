import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { freeLoopbackPort } from '@sallyport/loopback-ports';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RestAnswer, restController, type RestRequest } from './rest-controller.ts';
import { RestServer } from './rest-server.ts';

const running: AbortSignal[] = [];

class Samples {
  /** Says one line and then nothing until the client goes away. */
  tail({ signal }: RestRequest): Promise<RestAnswer> {
    running.push(signal);
    return Promise.resolve({ status: 200, stream: endless(signal) });
  }

  broken(): Promise<RestAnswer> {
    return Promise.resolve({ status: 200, stream: failing() });
  }

  echo({ body, query, signal }: RestRequest): Promise<RestAnswer> {
    running.push(signal);
    return Promise.resolve({ status: 200, json: { body: body.toString(), query } });
  }
}

async function* endless(signal: AbortSignal): AsyncIterable<string> {
  yield 'first\n';
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function* failing(): AsyncIterable<string> {
  await Promise.resolve();
  yield* [];
  throw new Error('a service behind it is not there: secret');
}

const controller = restController(Samples, [], {
  tail: 'GET /v1/tail',
  broken: 'GET /v1/broken',
  echo: 'POST /v1/echo',
});

let server: RestServer;
let url: string;

beforeEach(async () => {
  running.length = 0;
  const port = await freeLoopbackPort();
  const module: DynamicModule = { module: class SampleModule {}, controllers: [controller] };
  server = await RestServer.create(module, {
    host: '127.0.0.1',
    port,
    bodyBytesMax: 1_024,
    around: (request, handle) => handle(request).catch(() => ({ status: 503, json: 'not there' })),
    unroutable: (status) => ({ status, json: { unroutable: status } }),
  });
  await server.start();
  url = `http://127.0.0.1:${port}`;
});
afterEach(() => server.stop(0));

describe('a stream', () => {
  it('ends at once when the server stops, and does not hold it up', async () => {
    const response = await fetch(`${url}/v1/tail`);
    const startedMs = performance.now();
    const stopped = server.stop(10_000);
    expect(await response.text()).toBe('first\n');
    await stopped;
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('learns when its client goes away', async () => {
    const leaving = new AbortController();
    await fetch(`${url}/v1/tail`, { signal: leaving.signal });
    leaving.abort();
    await expect.poll(() => running[0]?.aborted).toBe(true);
  });

  it('is not begun by HEAD', async () => {
    expect((await fetch(`${url}/v1/tail`, { method: 'HEAD' })).status).toBe(404);
    expect(running).toEqual([]);
  });

  it('that fails before its first byte is answered like any other failure', async () => {
    const response = await fetch(`${url}/v1/broken`);
    expect([response.status, await response.json()]).toEqual([503, 'not there']);
  });
});

describe('a request', () => {
  it('has the bytes of its body, whatever their type', async () => {
    const response = await fetch(`${url}/v1/echo?a=1&a=2`, {
      method: 'POST',
      body: '{"a"',
      headers: { 'content-type': 'x/y' },
    });
    expect(await response.json()).toEqual({ body: '{"a"', query: { a: ['1', '2'] } });
    await expect.poll(() => running[0]?.aborted).toBe(true); // nothing may run on for it
  });

  it('is refused where its body is too long, or no route takes it', async () => {
    const response = await fetch(`${url}/v1/echo`, { method: 'POST', body: 'x'.repeat(2_000) });
    expect([response.status, await response.json()]).toEqual([413, { unroutable: 413 }]);
    expect((await fetch(`${url}/v1/nothing`)).status).toBe(404);
  });

  it('that never ends does not hold up the stop for longer than the drain', async () => {
    const hanging = httpRequest(`${url}/v1/echo`, { method: 'POST', headers: { 'content-length': '10' } });
    hanging.on('error', () => undefined);
    hanging.write('x');
    await once(hanging, 'socket');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startedMs = performance.now();
    await server.stop(100);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    hanging.destroy();
  });
});
