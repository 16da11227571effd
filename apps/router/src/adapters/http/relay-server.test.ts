import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, legacy, legacyCall, modern, RelayBed, request, settle } from '../../testing/relay-bed.ts';

let bed: RelayBed;

beforeEach(async () => {
  bed = await new RelayBed({
    bodyBytesMax: 8_192,
    bodyBytesTotalMax: 20_000,
    requestsMax: 4,
    requestsPerPrincipalMax: 2,
  }).start();
});
afterEach(() => bed.stop());

const head = (lines: readonly string[], body: string) =>
  [
    'POST /mcp HTTP/1.1',
    'Host: files.x.tunnels.example',
    'Authorization: Bearer sk-alice',
    ...lines,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');

async function rawAnswer(socket: Socket, text: string): Promise<string> {
  let seen = '';
  socket.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  socket.end(text);
  await once(socket, 'close');
  return seen;
}

async function running(key = 'sk-alice', body = legacyCall()) {
  const arrives = bed.upstreams.next();
  const client = bed.post(body, { ...legacy, authorization: `Bearer ${key}` });
  return { client, sent: await arrives };
}

describe('two readings of one request', () => {
  /** In UTF-7, which Node's usual body parsers take, `+ACI-` is a quote: this body then calls `forbidden`. */
  const inUtf7 =
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"x":"+ACIAfQAs-+ACI-name+ACI-:+ACI-forbidden+ACIALA-+ACI-y+ACI-:+AHsAIg-z+ACI-:+ACI-"}}}';

  it.each([
    'application/json; charset=utf-7',
    'application/json; charset=utf-16le',
    'application/json;charset="utf-7"',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; x=1',
    'text/plain',
  ])('are not possible through the content type %s', async (type) => {
    const client = bed.post(inUtf7, { ...legacy, 'content-type': type });
    expect(await client.status()).toBe(415);
    expect([bed.upstreams.sent, bed.recorder.phases]).toEqual([[], []]);
  });

  it.each(['application/json', 'Application/JSON; Charset=UTF-8', 'application/json;charset="utf-8"'])(
    'are not seen in the content type %s',
    async (type) => {
      const arrives = bed.upstreams.next();
      const client = bed.post(legacyCall(), { ...legacy, 'content-type': type });
      (await arrives).json(answer());
      expect(await client.status()).toBe(200);
    },
  );

  it.each([
    ['Content-Type: application/json', 'Content-Type: application/json; charset=utf-7'],
    ['Content-Type: application/json', 'Host: other.x.tunnels.example'],
    ['Content-Type: application/json', 'Authorization: Bearer sk-bob'],
    ['Content-Type: application/json', 'Mcp-Session-Id: a', 'Mcp-Session-Id: b'],
  ])('are not possible through a header that comes twice: %s, %s', async (...lines) => {
    expect(await rawAnswer(bed.raw(), head(lines, legacyCall()))).toMatch(/^HTTP\/1\.1 400 /);
    expect(bed.upstreams.sent).toEqual([]);
  });

  it.each([
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Transfer-Encoding: xchunked'],
  ])('are not possible through the length: %s', async (...lines) => {
    const text = `POST /mcp HTTP/1.1\r\nHost: files.x.tunnels.example\r\nAuthorization: Bearer sk-alice\r\nContent-Type: application/json\r\n${lines.join('\r\n')}\r\n\r\n0\r\n\r\n`;
    expect(await rawAnswer(bed.raw(), text)).toMatch(/^HTTP\/1\.1 400 /);
    expect(bed.upstreams.sent).toEqual([]);
  });
});

describe('the caller’s credential', () => {
  it('does not go on, neither in a header nor in the URL', async () => {
    const { sent, client } = await running();
    expect(JSON.stringify([sent.request.headers, sent.request.path, sent.text])).not.toContain('sk-alice');
    sent.json(answer());
    await client.whole();
    const lines = ['GET /mcp?key=sk-alice HTTP/1.1', 'Host: files.x.tunnels.example', 'X-Api-Key: sk-alice', '', ''];
    expect(await rawAnswer(bed.raw(), lines.join('\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
    expect(bed.upstreams.sent).toHaveLength(1);
  });
});

describe('limits', () => {
  it('refuse more requests of one principal than its share, and others not', async () => {
    const clients = [await running(), await running()];
    const third = bed.post(legacyCall(), legacy);
    expect([await third.status(), (await third.response).headers['retry-after']]).toEqual([429, '1']);
    const bob = await running('sk-bob');
    for (const { client, sent } of [...clients, bob]) {
      sent.json(answer());
      expect(await client.status()).toBe(200);
    }
    const after = await running();
    after.sent.json(answer());
    expect(await after.client.status()).toBe(200);
  });

  it('refuse more requests than the router may have', async () => {
    await Promise.all([running(), running(), running('sk-bob'), running('sk-bob')]);
    expect(await bed.post(legacyCall(), { ...legacy, authorization: 'Bearer sk-carol' }).status()).toBe(429);
  });

  it('count a body for as long as its call runs', async () => {
    const body = legacyCall('x'.repeat(1_000)).replace('{}', JSON.stringify({ text: 'x'.repeat(6_500) }));
    const clients = [await running('sk-alice', body), await running('sk-bob', body)];
    expect(await bed.post(body, { ...legacy, authorization: 'Bearer sk-carol' }).status()).toBe(429);
    for (const { client, sent } of clients) {
      sent.json(answer());
      await client.whole();
    }
    const after = await running('sk-carol', body);
    after.sent.json(answer());
    expect(await after.client.status()).toBe(200);
  });

  it('refuse a body that is too long, told before or found out', async () => {
    expect(await bed.post('x'.repeat(9_000), legacy).status()).toBe(413);
    const chunked = `POST /mcp HTTP/1.1\r\nHost: files.x.tunnels.example\r\nAuthorization: Bearer sk-alice\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2400\r\n${'x'.repeat(0x2400)}\r\n`;
    expect(await rawAnswer(bed.raw(), chunked)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('methods', () => {
  it('end a session with DELETE, and nothing else', async () => {
    expect(await bed.get(legacy, 'DELETE').status()).toBe(400);
    const arrives = bed.upstreams.next();
    const client = bed.get({ ...legacy, 'mcp-session-id': 's' }, 'DELETE');
    (await arrives).head(204, []).end();
    expect(await client.status()).toBe(204);
  });

  it('are decided by name: what nobody knows needs a rule, with an empty policy nothing is used', async () => {
    bed.routes.rules = [];
    const methods = [
      'tools/call',
      'Tools/Call',
      'prompts/get',
      'resources/read',
      'completion/complete',
      'x/y',
      'tasks/get',
    ];
    for (const method of methods) {
      const params = '{"name":"a","uri":"file:///a","taskId":"t"}';
      const client = bed.post(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`, legacy);
      expect(await client.whole()).toContain('denied_by_policy');
    }
    const note = bed.post('{"jsonrpc":"2.0","method":"notifications/do_something","params":{}}', legacy);
    expect([await note.status(), bed.upstreams.sent]).toEqual([403, []]);
  });
});

describe('one connection', () => {
  it('carries several requests, one after the other', async () => {
    bed.upstreams.onRequest = (sent) => sent.json(answer());
    const text = head(['Content-Type: application/json', 'MCP-Protocol-Version: 2025-11-25'], legacyCall());
    const seen = await rawAnswer(bed.raw(), text + text);
    expect(seen.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(seen.match(/"result"/g)).toHaveLength(2);
  });

  it('does not hold up another one', async () => {
    const slow = await running();
    const quick = await running('sk-bob');
    quick.sent.json(answer());
    expect(await quick.client.status()).toBe(200);
    slow.sent.json(answer());
    expect(await slow.client.status()).toBe(200);
  });

  it('that sends garbage behind a request gets nothing into the answer', async () => {
    const socket = bed.raw();
    let seen = '';
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    const arrives = bed.upstreams.next();
    socket.write(head(['Content-Type: application/json', 'MCP-Protocol-Version: 2025-11-25'], legacyCall()));
    const stream = (await arrives).events();
    stream.write(': hello\n\n');
    await expect.poll(() => seen).toContain(': hello');
    socket.write('\0\0 garbage\r\n\r\n');
    await once(socket, 'close');
    expect(seen).not.toContain('HTTP/1.1 400');
  });

  it('of a client that reads nothing holds up its own stream, not the memory', async () => {
    const socket = bed.raw();
    socket.pause();
    const arrives = bed.upstreams.next();
    socket.write(head(['Content-Type: application/json', 'MCP-Protocol-Version: 2025-11-25'], request('ping')));
    const stream = (await arrives).events();
    let written = 0;
    while (written < 400 && stream.write(`: ${'x'.repeat(64 * 1024)}\n\n`)) {
      written += 1;
      await settle(1);
    }
    expect(written).toBeLessThan(400);
  });
});

describe('a request that stands', () => {
  const changes = [
    ['its key is revoked', () => (bed.routes.revoked = 'sk-alice')],
    ['the policy changes', () => (bed.routes.policySha256 = 'changed')],
  ] as const;

  beforeEach(async () => {
    await bed.stop();
    bed = await new RelayBed({ recheckEveryMs: 40 }).start();
  });

  it.each(changes)('is cut when %s, and its server told', async (_, change) => {
    const arrives = bed.upstreams.next();
    const client = bed.get({ ...legacy, 'mcp-session-id': 's' });
    const sent = await arrives;
    sent.events().write(': hello\n\n');
    await client.response;
    await settle(120);
    expect(sent.cancelled).toBe(false);
    change();
    await client.closed;
    expect(client.ended).toBe(false);
    await expect.poll(() => sent.cancelled).toBe(true);
  });

  it('stays while control cannot be asked, and so does a call in any case', async () => {
    const arrives = bed.upstreams.next();
    const client = bed.get({ ...legacy, 'mcp-session-id': 's' });
    const sent = await arrives;
    sent.events().write(': hello\n\n');
    await client.response;
    const call = await running();
    bed.routes.unavailable = true;
    await settle(120);
    expect(sent.cancelled).toBe(false);
    bed.routes.unavailable = false;
    bed.routes.revoked = 'sk-alice';
    await client.closed;
    call.sent.json(answer());
    expect(await call.client.whole()).toBe(answer());
  });
});

describe('stopping', () => {
  it('lets a running call finish and closes its connection', async () => {
    const { client, sent } = await running();
    const stopped = bed.server.stop(2_000);
    await settle();
    const startedMs = performance.now();
    sent.json(answer());
    expect(await client.whole()).toBe(answer());
    await stopped;
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it('ends what is still open then, before the clients are cut off', async () => {
    const arrives = bed.upstreams.next();
    const client = bed.post(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}',
      modern('tools/call', 'echo'),
    );
    (await arrives).events().write(': hello\n\n');
    await client.response;
    const gone = await running('sk-bob');
    gone.client.leave();
    await bed.server.stop(50);
    expect(bed.recorder.outcomes.map(({ status, code }) => `${status} ${code}`)).toEqual([
      'transport_error router_stopped',
      'transport_error router_stopped',
    ]);
    expect(bed.open.size).toBe(0);
  });
});
