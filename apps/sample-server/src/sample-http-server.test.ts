import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SampleHttpServer } from './sample-http-server.ts';

const server = new SampleHttpServer();
let url: URL;
let legacy: LegacyClient;
let modern: ModernClient;

beforeAll(async () => {
  url = new URL(`http://127.0.0.1:${await server.start(0)}/mcp`);
  legacy = new LegacyClient({ name: 'test', version: '1' });
  await legacy.connect(new LegacyTransport(url));
  modern = new ModernClient({ name: 'test', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await modern.connect(new ModernTransport(url));
});

afterAll(async () => {
  await legacy.close();
  await modern.close();
  await server.stop();
});

describe.each(['legacy', 'modern'] as const)('%s era', (era) => {
  const call = (name: string, args: object, options: object = {}) =>
    era === 'legacy'
      ? legacy.callTool({ name, arguments: { ...args } }, undefined, options)
      : modern.callTool({ name, arguments: { ...args } }, options);

  it('lists the four tools', async () => {
    const { tools } = await (era === 'legacy' ? legacy.listTools() : modern.listTools());
    expect(tools.map(({ name }) => name)).toEqual(['echo', 'add', 'slow', 'forbidden']);
  });

  it('echoes and adds', async () => {
    expect(await call('echo', { message: 'hé' })).toMatchObject({ content: [{ type: 'text', text: 'hé' }] });
    expect(await call('add', { a: 2, b: 40 })).toMatchObject({ content: [{ type: 'text', text: '42' }] });
  });

  it('reports progress while it is slow', async () => {
    const seen: number[] = [];
    await call('slow', { seconds: 2.1 }, { onprogress: ({ progress }: { progress: number }) => seen.push(progress) });
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('refuses arguments out of bounds', async () => {
    const answer = await call('slow', { seconds: 601 }).catch((error: unknown) => ({ isError: true, error }));
    expect(answer).toMatchObject({ isError: true });
  });

  it('stops a slow call that is cancelled', async () => {
    const before = activeTimers();
    const cancel = new AbortController();
    const running = call('slow', { seconds: 600 }, { signal: cancel.signal, timeout: 700_000, onprogress: () => 0 });
    await expect.poll(activeTimers).toBeGreaterThan(before);
    cancel.abort(new Error('enough'));
    await expect(running).rejects.toThrow(/enough|abort/i);
    await expect.poll(activeTimers, { timeout: 5_000 }).toBeLessThanOrEqual(before);
  });
});

describe('what is none of its business', () => {
  it('says that it runs', async () => {
    expect((await fetch(new URL('/health', url))).status).toBe(200);
    expect((await fetch(new URL('/other', url))).status).toBe(404);
  });

  it('refuses a foreign origin, and a session that it does not know', async () => {
    const post = (headers: Record<string, string>) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
    expect((await post({ 'mcp-session-id': 'none' })).status).toBe(404);
    expect((await post({})).status).toBe(400);
  });
});

/** Each running `slow` holds one timer; the client's request timeout holds another, which goes with it. */
function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}
