import { fail } from '@sallyport/result';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { answer, legacy, legacyCall, RelayBed } from '../../testing/relay-bed.ts';

let bed: RelayBed;
const session = { ...legacy, 'mcp-session-id': 's' };
const tools = (...names: string[]) =>
  `{"jsonrpc":"2.0","id":7,"result":{"tools":[${names.map((name) => `{"name":"${name}"}`).join(',')}]}}`;

beforeEach(async () => {
  bed = await new RelayBed({}, { listBytesMax: 4_096, resumeMs: 300 }).start();
});
afterEach(() => bed.stop());

async function call(id = 1) {
  const arrives = bed.upstreams.next();
  const client = bed.post(legacyCall(id), session);
  return { client, sent: await arrives };
}

async function listen(headers: Readonly<Record<string, string>> = session) {
  const arrives = bed.upstreams.next();
  const client = bed.get(headers);
  const sent = await arrives;
  return { client, stream: sent.events(), sent };
}

it('passes what the server says of itself, byte for byte', async () => {
  const { client, stream } = await listen();
  const text =
    ': hi\n\nid: 1\ndata: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\r\n\r\ndata: hello\n\n';
  stream.end(text);
  expect(await client.whole()).toBe(text);
  expect(client.ended).toBe(true);
});

it('ends a call that its own stream left open before it lets the answer out', async () => {
  const { client, sent } = await call();
  sent.events().end('id: 1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n');
  await client.closed;
  const resumed = await listen({ ...session, 'last-event-id': '1' });
  bed.recorder.hold();
  resumed.stream.write(`id: 2\ndata: ${answer()}\n\n`);
  await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'completed']);
  expect(resumed.client.text).toBe('');
  bed.recorder.release();
  await expect.poll(() => resumed.client.text).toBe(`id: 2\ndata: ${answer()}\n\n`);
  expect(bed.recorder.outcomes).toMatchObject([{ status: 'ok', result: { bytes: answer().length } }]);
});

it('ends also a call whose own stream is still open', async () => {
  const { client, sent } = await call();
  sent.events().write(': wait\n\n');
  await client.response;
  bed.recorder.endResult = fail('unrecorded');
  const { client: listener, stream } = await listen();
  stream.write(`data: ${answer()}\n\n`);
  await listener.closed;
  expect([listener.text, listener.ended]).toEqual(['', false]);
  expect(bed.recorder.phases).toEqual(['dispatched', 'completed']);
});

it('gives no answer out that comes while the call is given up', async () => {
  const { client, sent } = await call();
  sent.events().end('id: 1\n\n');
  await client.closed;
  bed.recorder.hold();
  const resumed = await listen();
  await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'failed']);
  resumed.stream.write(`data: ${answer()}\n\n`);
  await new Promise((resolve) => setTimeout(resolve, 30));
  bed.recorder.release();
  await resumed.client.closed;
  expect([resumed.client.text, resumed.client.ended]).toEqual(['', false]);
  expect(bed.recorder.outcomes).toMatchObject([{ code: 'not_resumed' }]);
});

it('hides the tools that policy hides, whatever asked for the list', async () => {
  const { client, stream } = await listen({ ...session, 'last-event-id': '1' });
  stream.end(`id: 3\ndata: ${tools('echo', 'forbidden')}\n\n`);
  expect(await client.whole()).toBe(`id: 3\ndata: ${tools('echo')}\n\n`);
});

it.each([
  ['a name that comes twice', 'data: {"jsonrpc":"2.0","id":1,"id":1,"result":{}}\n\n'],
  ['a batch', `data: [${answer()}]\n\n`],
  ['a list of something else', 'data: {"jsonrpc":"2.0","id":7,"result":{"tools":{"name":"forbidden"}}}\n\n'],
  ['an event too long to be looked at', `data: ${answer(1, 'x'.repeat(8_192))}\n\n`],
  ['an event without its end', `data: ${tools('forbidden')}`],
])('is cut at %s', async (_, text) => {
  const { client, stream } = await listen();
  stream.end(text);
  await client.closed;
  expect([client.text, client.ended]).toEqual(['', false]);
});

it('is all that a GET gives: no policy allows to read the private server’s pages', async () => {
  const arrives = bed.upstreams.next();
  const client = bed.get(session);
  (await arrives).json('{"password":"secret"}');
  expect(await client.whole()).toContain('not_an_event_stream');
});

it('may be refused by the server in its own words', async () => {
  const arrives = bed.upstreams.next();
  const client = bed.get(session);
  (await arrives).head(405, [['allow', 'POST']]).end('no');
  expect([await client.status(), await client.whole()]).toEqual([405, 'no']);
});

it('tells the server when its client goes away', async () => {
  const { client, sent } = await listen();
  await client.response;
  client.leave();
  await expect.poll(() => sent.cancelled).toBe(true);
});
