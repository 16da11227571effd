import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, RelayBed, request } from '../../testing/relay-bed.ts';

let bed: RelayBed;
const list = (...names: string[]) =>
  `{"jsonrpc":"2.0","id":1,"result":{"tools":[${names.map((name) => `{"name":"${name}"}`).join(',')}]}}`;

beforeEach(async () => {
  bed = await new RelayBed({ bodyBytesTotalMax: 64 * 1024 }, { listBytesMax: 32 * 1024 }).start();
});
afterEach(() => bed.stop());

async function listed() {
  const arrives = bed.upstreams.next();
  const client = bed.post(request('tools/list'), legacy);
  return { client, sent: await arrives };
}

describe('a list as JSON', () => {
  it('shows what may be called', async () => {
    const { client, sent } = await listed();
    sent.json(list('echo', 'forbidden'), 200, [['content-length', String(list('echo', 'forbidden').length)]]);
    expect(await client.whole()).toBe(list('echo'));
    expect((await client.response).headers['content-length']).toBe(String(list('echo').length));
  });

  it.each([
    ['a content type that some clients take for JSON', [['content-type', 'text/plain; application/json']]],
    ['no content type', []],
    [
      'two content types',
      [
        ['content-type', 'application/json'],
        ['content-type', 'text/plain'],
      ],
    ],
    [
      'compression',
      [
        ['content-type', 'application/json'],
        ['content-encoding', 'gzip'],
      ],
    ],
  ] as const)('is withheld with %s', async (_, headers) => {
    const { client, sent } = await listed();
    sent.head(200, headers).end(list('echo', 'forbidden'));
    expect(await client.whole()).toContain('upstream_malformed');
  });

  it('is withheld where it cannot be read, or is too long', async () => {
    const broken = await listed();
    broken.sent.json(list('forbidden').slice(0, -1));
    expect(await broken.client.whole()).toContain('upstream_malformed');
    const long = await listed();
    long.sent.json(list('x'.repeat(40 * 1024)));
    expect(await long.client.whole()).toContain('response_too_large');
  });

  it('shares the memory with all others', async () => {
    const waiting = [await listed(), await listed()];
    for (const { sent } of waiting) sent.head(200, [['content-type', 'application/json']]).write('x'.repeat(30 * 1024));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const one = await listed();
    one.sent.json(list('x'.repeat(10 * 1024)));
    expect([await one.client.status(), await one.client.whole()]).toEqual([
      429,
      expect.stringContaining('too_many_requests'),
    ]);
    for (const { sent, client } of waiting) {
      sent.body.destroy();
      await client.closed;
    }
    const after = await listed();
    after.sent.json(list('echo'));
    expect(await after.client.whole()).toBe(list('echo'));
  });

  it('passes errors of the server as they are', async () => {
    const { client, sent } = await listed();
    sent.json('{not json', 400);
    expect([await client.status(), await client.whole()]).toEqual([400, '{not json']);
  });

  it('breaks off with the reason', async () => {
    const { client, sent } = await listed();
    sent.head(200, [['content-type', 'application/json']]).write('{"jsonrpc"');
    await new Promise((resolve) => setTimeout(resolve, 20));
    sent.body.destroy();
    expect(await client.whole()).toContain('stream_lost');
  });
});

describe('a list on an event stream', () => {
  it('shows what may be called, and passes the rest as it is', async () => {
    const { client, sent } = await listed();
    const stream = sent.events();
    const note = 'id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n: hi\n\n';
    stream.write(note);
    for (const byte of `data: ${list('echo', 'forbidden')}\n\n`) stream.write(byte);
    stream.end();
    expect(await client.whole()).toBe(`${note}data: ${list('echo')}\n\n`);
  });

  it.each([
    ['an event that is no JSON', 'data: {"result":\n\n'],
    ['an event without its end', `data: ${list('forbidden')}`],
    ['an event that is too long', `data: ${list('x'.repeat(40 * 1024))}\n\n`],
    ['tools under two names', 'data: {"id":1,"result":{"tools":[],"Tools":[{"name":"forbidden"}]}}\n\n'],
  ])('is cut at %s', async (_, text) => {
    const { client, sent } = await listed();
    sent.events().end(text);
    await client.closed;
    expect([client.text, client.ended]).toEqual(['', false]);
  });
});
