import { fail } from '@sallyport/result';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lost } from '../../testing/fake-ports.ts';
import {
  answer,
  type Client,
  legacy,
  legacyCall,
  modern,
  modernCall,
  RelayBed,
  request,
  settle,
} from '../../testing/relay-bed.ts';

let bed: RelayBed;

beforeEach(async () => {
  bed = await new RelayBed({}, { callMsMax: 60_000 }).start();
});
afterEach(() => bed.stop());

async function called(body = legacyCall(), headers: Readonly<Record<string, string>> = legacy) {
  const arrives = bed.upstreams.next();
  const client = bed.post(body, headers);
  return { client, sent: await arrives };
}

async function sees(client: Client, text: string): Promise<void> {
  await client.response;
  await expect.poll(() => client.text).toBe(text);
}

describe('an answer as JSON', () => {
  it('leaves nothing of it to the client before the end is recorded', async () => {
    bed.recorder.hold();
    const { client, sent } = await called();
    let answered = false;
    void client.response.then(() => (answered = true));
    sent.json(answer());
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'completed']);
    await settle();
    expect(answered).toBe(false);
    bed.recorder.release();
    expect(await client.whole()).toBe(answer());
    expect((await client.response).headers['sallyport-call-id']).toMatch(/^call_/);
  });

  it('is withheld where its end cannot be recorded', async () => {
    bed.recorder.endResult = fail('unrecorded');
    const { client, sent } = await called();
    sent.json(answer());
    expect(await client.whole()).toContain('outcome_unrecorded');
    expect(client.text).not.toContain('secret');
    expect(await client.status()).toBe(503);
  });

  it.each([
    ['one that is complete before its white space', `${answer(1, 'x'.repeat(300 * 1024))}${' '.repeat(200 * 1024)}`],
    ['one that is as long as it looks', answer(1, 'x'.repeat(700 * 1024))],
  ])('of more than 256 KiB streams, but never to its end: %s', async (_, text) => {
    bed.recorder.endResult = fail('unrecorded');
    const { client, sent } = await called();
    const body = sent.head(200, [['content-type', 'application/json']]);
    for (let at = 0; at < text.length; at += 64 * 1024) body.write(text.slice(at, at + 64 * 1024));
    await settle();
    body.end();
    await client.closed;
    expect(client.ended).toBe(false);
    expect(client.text.length).toBeGreaterThan(100 * 1024);
    expect(text.trimEnd().startsWith(client.text)).toBe(true);
    expect(client.text.length).toBeLessThan(text.trimEnd().length);
  });

  it('is refused where more follows its end than can be held', async () => {
    const { client, sent } = await called();
    sent.json(`${answer()}${' '.repeat(300 * 1024)}`);
    expect(await client.whole()).toContain('upstream_malformed');
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'invalid_response', code: 'answer_malformed' }]);
  });

  it('is refused where it is compressed: nobody sees where it ends', async () => {
    const { client, sent } = await called();
    sent.json('\x1f\x8b…', 200, [['content-encoding', 'gzip']]);
    expect(await client.whole()).toContain('answer_encoded');
    expect(bed.recorder.phases).toEqual(['dispatched', 'failed']);
  });

  it('passes with the status and the bytes of the server, also when it is none', async () => {
    const { client, sent } = await called();
    sent.head(400, [['content-type', 'text/html']]).end('<h1>no</h1>');
    expect([await client.status(), await client.whole()]).toEqual([400, '<h1>no</h1>']);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'http_error', code: 'http_400', effect: 'none' }]);
  });

  it('cannot forge the call id', async () => {
    const { client, sent } = await called();
    sent.json(answer(), 200, [['sallyport-call-id', 'call_forged']]);
    const { headers } = await client.response;
    expect(headers['sallyport-call-id']).toBe(bed.recorder.calls[0]?.subject.callId);
  });
});

describe('an answer on an event stream', () => {
  it('stops before the byte that completes it until the end is recorded', async () => {
    bed.recorder.hold();
    const { client, sent } = await called();
    const stream = sent.events();
    stream.write(`: hello\n\nevent: message\ndata: ${answer()}\n\n`);
    await sees(client, `: hello\n\nevent: message\ndata: ${answer().slice(0, -1)}`);
    await settle();
    bed.recorder.release();
    await sees(client, `: hello\n\nevent: message\ndata: ${answer()}\n\n`);
    stream.end();
    await client.closed;
    expect(client.ended).toBe(true);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'ok', result: { bytes: answer().length } }]);
  });

  it('is cut where the end cannot be recorded', async () => {
    bed.recorder.endResult = fail('unrecorded');
    const { client, sent } = await called();
    sent.events().write(`data: ${answer()}\n\n`);
    await client.closed;
    expect(client.ended).toBe(false);
    expect(client.text).toBe(`data: ${answer().slice(0, -1)}`);
  });

  it('does not pass while another end is being recorded', async () => {
    bed.recorder.hold();
    const { client, sent } = await called(modernCall(), modern('tools/call', 'echo'));
    const stream = sent.events();
    stream.write(': hello\n\n');
    await sees(client, ': hello\n\n');
    const [call] = bed.open.all();
    void call?.end('timed_out', { status: 'deadline', effect: 'unknown' });
    stream.write(`data: ${answer()}\n\n`);
    await settle();
    bed.recorder.release();
    await client.closed;
    expect(client.text).not.toContain(answer());
    expect(bed.recorder.phases).toEqual(['dispatched', 'timed_out']);
  });

  it.each([
    ['a name that comes twice', `{"jsonrpc":"2.0","id":1,"id":1,"result":{"a":"secret"}}`],
    ['a batch', `[${answer()}]`],
  ])('does not pass where it only might be the answer: %s', async (_, text) => {
    const { client, sent } = await called();
    sent.events().write(`data: ${text}\n\n`);
    await client.closed;
    expect(client.ended).toBe(false);
    expect(client.text).not.toContain('secret');
    expect(bed.recorder.phases).toEqual(['dispatched', 'failed']);
  });

  it('to another call of the same client waits for the end of that call', async () => {
    const first = await called(legacyCall(1), { ...legacy, 'mcp-session-id': 's' });
    const second = await called(legacyCall(2), { ...legacy, 'mcp-session-id': 's' });
    bed.recorder.endResult = fail('unrecorded');
    first.sent.events().write(`data: ${answer(2)}\n\n`);
    await first.client.closed;
    expect(first.client.text).toBe(`data: ${answer(2).slice(0, -1)}`);
    expect(bed.recorder.phases).toEqual(['dispatched', 'dispatched', 'completed']);
    bed.recorder.endResult = { ok: true, value: undefined };
    second.sent.json(answer(2));
    expect(await second.client.whole()).toContain('outcome_unrecorded');
  });

  it('that breaks off ends the call', async () => {
    const { client, sent } = await called();
    const stream = sent.events();
    stream.write('data: {"jsonrpc":"2.0"');
    await client.response;
    stream.destroy();
    await client.closed;
    expect(client.ended).toBe(false);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'transport_error', code: 'stream_lost' }]);
  });
});

describe('a client that goes away', () => {
  it('has cancelled its modern call', async () => {
    const { client, sent } = await called(modernCall(), modern('tools/call', 'echo'));
    client.leave();
    await expect.poll(() => sent.cancelled).toBe(true);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'client_gone', cancelForwarded: true }]);
  });

  it('has cancelled it also before it was sent: then nothing is', async () => {
    bed.recorder.holdBegin();
    const client = bed.post(modernCall(), modern('tools/call', 'echo'));
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched']);
    client.leave();
    await settle();
    bed.recorder.release();
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'cancelled']);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'client_gone', effect: 'none' }]);
    expect(bed.upstreams.sent).toEqual([]);
  });

  it('has not cancelled its legacy call: the answer is read and recorded', async () => {
    const { client, sent } = await called();
    const stream = sent.events();
    stream.write(': hello\n\n');
    await client.response;
    client.leave();
    await settle();
    expect(sent.cancelled).toBe(false);
    for (let count = 0; count < 50; count += 1) stream.write(`: ${'x'.repeat(64 * 1024)}\n\n`);
    stream.end(`data: ${answer()}\n\n`);
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'completed']);
  });

  it('while its answer is held back changes nothing about the end', async () => {
    bed.recorder.hold();
    const { client, sent } = await called(modernCall(), modern('tools/call', 'echo'));
    sent.json(answer());
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'completed']);
    client.leave();
    await settle();
    bed.recorder.release();
    await expect.poll(() => bed.open.size).toBe(0);
    expect(bed.recorder.phases).toEqual(['dispatched', 'completed']);
  });
});

describe('a call that does not end by itself', () => {
  it('ends at its deadline, and the client hears of it', async () => {
    await bed.stop();
    bed = await new RelayBed({}, { callMsMax: 80 }).start();
    const { client, sent } = await called();
    expect(await client.whole()).toContain('upstream_timeout');
    expect(sent.cancelled).toBe(true);
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'deadline', code: 'call_deadline' }]);
  });

  it('may be answered while its deadline is being recorded: once, and not with the answer', async () => {
    await bed.stop();
    bed = await new RelayBed({}, { callMsMax: 80 }).start();
    bed.recorder.hold();
    const { client, sent } = await called();
    await expect.poll(() => bed.recorder.phases).toEqual(['dispatched', 'timed_out']);
    sent.json(answer());
    await settle();
    bed.recorder.release();
    expect(await client.whole()).toContain('upstream_timeout');
    expect(client.text).not.toContain('secret');
    expect(bed.recorder.phases).toEqual(['dispatched', 'timed_out']);
  });

  it('ends once where the recorder fails as no recorder may', async () => {
    bed.recorder.end = () => Promise.reject(new Error('a write that is wrong'));
    const { client, sent } = await called();
    sent.json(answer());
    expect(await client.whole()).toContain('outcome_unrecorded');
    expect(bed.open.size).toBe(0);
  });

  it('ends where the answer cannot be written', async () => {
    const { client, sent } = await called();
    sent.head(200, [
      ['content-type', 'text/event-stream'],
      ['x-bad', 'a\r\nset-cookie: b'],
    ]);
    expect(await client.whole()).toContain('"internal"');
    expect(bed.recorder.outcomes).toMatchObject([{ status: 'transport_error', code: 'router_failed' }]);
    expect(bed.open.size).toBe(0);
  });

  it('ends where a large answer cannot be written, and the router lives', async () => {
    const { client, sent } = await called();
    const body = sent.head(200, [
      ['content-type', 'application/json'],
      ['x-bad', 'a\r\nset-cookie: b'],
    ]);
    body.end(answer(1, 'x'.repeat(600 * 1024)));
    expect(await client.whole()).toContain('"internal"');
    expect(bed.recorder.outcomes).toMatchObject([{ code: 'router_failed' }]);
  });

  it('is not sent where it cannot be recorded', async () => {
    bed.recorder.beginResult = fail('unrecorded');
    const client = bed.post(legacyCall(), legacy);
    expect([await client.status(), await client.whole()]).toEqual([503, expect.stringContaining('audit_unavailable')]);
    expect(bed.upstreams.sent).toEqual([]);
  });

  it('tells what the tunnel said', async () => {
    const { client, sent } = await called();
    sent.refuse({ ...lost, code: 'tunnel_unreachable', sentence: 'Start the connector.', sent: false });
    expect([await client.status(), await client.whole()]).toEqual([
      503,
      expect.stringContaining('Start the connector.'),
    ]);
    expect(bed.recorder.outcomes).toMatchObject([{ code: 'tunnel_unreachable', effect: 'none' }]);
  });
});

describe('a cancellation of the legacy era', () => {
  const cancel = (id: number | string) =>
    `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${JSON.stringify(id)}}}`;

  it('marks the call of the same session alone', async () => {
    const ours = await called(legacyCall(1), { ...legacy, 'mcp-session-id': 'ours' });
    await called(legacyCall(1), { ...legacy, 'mcp-session-id': 'theirs' });
    bed.upstreams.onRequest = (sent) => sent.head(202, []).end();
    await bed.post(cancel(1), { ...legacy, 'mcp-session-id': 'ours' }).whole();
    expect(bed.open.all().map((call) => call.cancelRequested)).toEqual([true, false]);
    ours.sent.events().end(': bye\n\n');
    await ours.client.closed;
    expect(bed.recorder.phases.at(-1)).toBe('cancelled');
  });

  it('is nobody’s where two calls could be meant', async () => {
    await called(legacyCall(1));
    await called(legacyCall(1));
    bed.upstreams.onRequest = (sent) => sent.head(202, []).end();
    await bed.post(cancel(1), legacy).whole();
    expect(bed.open.all().map((call) => call.cancelRequested)).toEqual([false, false]);
  });

  it('of another principal finds nothing', async () => {
    await called(legacyCall(1), { ...legacy, 'mcp-session-id': 's' });
    bed.upstreams.onRequest = (sent) => sent.head(202, []).end();
    await bed.post(cancel(1), { ...legacy, 'mcp-session-id': 's', authorization: 'Bearer sk-bob' }).whole();
    expect(bed.open.all().map((call) => call.cancelRequested)).toEqual([false]);
  });
});

it('a session’s id is in no event, only what tells sessions apart', async () => {
  for (const id of ['secret-session', 'secret-session', 'another'])
    (await called(legacyCall(), { ...legacy, 'mcp-session-id': id })).sent.json(answer());
  const [first, again, other] = bed.recorder.calls.map(({ subject }) => subject.session?.id);
  expect(first).toMatch(/^sess_[0-9a-f]{32}$/);
  expect([again === first, other === first]).toEqual([true, false]);
  expect(JSON.stringify(bed.recorder.calls)).not.toContain('secret-session');
});

describe('what is no call', () => {
  it('is cancelled upstream when a modern client goes away', async () => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`;
    const { client, sent } = await called(body, modern('subscriptions/listen'));
    sent.events().write(': hello\n\n');
    await sees(client, ': hello\n\n');
    client.leave();
    await expect.poll(() => sent.cancelled).toBe(true);
  });

  it('does not linger for ever for a legacy client that has gone', async () => {
    await bed.stop();
    bed = await new RelayBed({}, { callMsMax: 80 }).start();
    const { client, sent } = await called(request('ping'));
    client.leave();
    await settle(30);
    expect(sent.cancelled).toBe(false);
    await expect.poll(() => sent.cancelled).toBe(true);
  });
});
