import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { answerStream, Upstream } from '../harness/upstream.ts';
import { BearerShim } from './bearer-shim.ts';

const key = 'sk-test';

/** What the suite sends must arrive as it was sent, and what it is told must be what was said: else it would judge the shim. */
describe('the shim before the router', () => {
  let upstream: Upstream;
  let shim: BearerShim;
  beforeAll(async () => {
    upstream = await Upstream.start(() => undefined);
    shim = await BearerShim.start();
  });
  afterAll(async () => {
    await shim?.stop();
    await upstream?.stop();
  });
  beforeEach(() => {
    upstream.seen.length = 0;
    shim.aim({ port: upstream.port, key });
  });

  it('adds the key, and changes nothing else on the way there and back', async () => {
    upstream.answer = (_request, response) => {
      response.sendDate = false;
      response.writeHead(418, 'Short And Stout', ['X-Two', 'b', 'x-two', 'a', 'Content-Length', '4']);
      response.end('cups');
    };
    const sent = 'Host: evil.example.com|Origin: http://evil.example.com|X-Two: 2|x-two: 1|Content-Length: 3';
    const socket = await dial(shim);
    socket.write(`POST /t/a.b/mcp?x=%20 HTTP/1.1\r\n${sent.replaceAll('|', '\r\n')}\r\n\r\n{ }`);
    const answer = await read(socket, /cups$/);
    socket.destroy();
    const [seen] = upstream.seen;
    expect(headerLines(seen?.rawHeaders ?? []).join('|')).toBe(
      `${sent}|Authorization: Bearer ${key}|Connection: keep-alive`,
    );
    expect([seen?.method, seen?.url, seen?.body.toString()]).toEqual(['POST', '/t/a.b/mcp?x=%20', '{ }']);
    expect(answer).toMatch(/^HTTP\/1\.1 418 Short And Stout\r\nX-Two: b\r\nx-two: a\r\nContent-Length: 4\r\n/);
    expect(answer).not.toMatch(/\r\nDate:/i);
  });

  it('holds nothing back: a head without a body, then one event after the other', async () => {
    let say: (event: string) => unknown = () => undefined;
    upstream.answer = (_request, response) => {
      const stream = answerStream(response);
      say = (event) => stream.write(event);
    };
    const response = await fetch(`http://${shim.host}/mcp`);
    const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
    for (const event of [': first\n\n', 'data: second\n\n']) {
      say(event);
      expect((await reader.read()).value).toBe(event);
    }
    await reader.cancel();
    await upstream.seen[0]?.aborted;
  });

  it('tells the router of a client that goes away before an answer', async () => {
    upstream.answer = () => undefined;
    const leave = new AbortController();
    const asked = fetch(`http://${shim.host}/mcp`, { method: 'POST', body: '{}', signal: leave.signal });
    await expect.poll(() => upstream.seen.length).toBe(1);
    leave.abort();
    await expect(asked).rejects.toThrow(/abort/);
    await upstream.seen[0]?.aborted;
  });

  it('breaks off what the router breaks off, and answers 502 and 503 where there is no router', async () => {
    upstream.answer = (_request, response) => {
      answerStream(response).write('data: half');
      setImmediate(() => response.destroy());
    };
    const broken = await fetch(`http://${shim.host}/mcp`);
    await expect(broken.text()).rejects.toThrow(/terminated/);
    const aimless = await BearerShim.start();
    expect((await fetch(`http://${aimless.host}/mcp`)).status).toBe(503);
    const gone = await Upstream.start(() => undefined);
    aimless.aim({ port: gone.port, key });
    await gone.stop();
    expect((await fetch(`http://${aimless.host}/mcp`)).status).toBe(502);
    await aimless.stop();
  });
});

function headerLines(raw: readonly string[]): string[] {
  return raw.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${raw[at + 1] ?? ''}`] : []));
}

function dial(shim: BearerShim): Promise<Socket> {
  const [host = '', port] = shim.host.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => resolve(socket));
    socket.once('error', reject);
  });
}

function read(socket: Socket, until: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (until.test(text)) resolve(text);
    });
  });
}
