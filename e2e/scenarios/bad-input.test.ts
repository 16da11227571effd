import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { parse } from 'yaml';
import { call, callBody, modernHeaders, post } from '../harness/mcp.ts';
import { rawRequest } from '../harness/raw-request.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('bad input', () => {
  let suite: Suite;
  let upstream: Upstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite({ env: { ROUTER_BODY_BYTES_MAX: '100000' } });
    upstream = await Upstream.start((request, response) =>
      answerJson(response, JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(request.body.toString()).id, result: {} })),
    );
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
  });
  const send = (body: string | Buffer, headers: Record<string, string> = modernHeaders('tools/call', 'echo')) =>
    post(tunnel.mcpUrl, tunnel.apiKey, body, headers);
  const works = async () => expect((await call(tunnel.mcpUrl, tunnel.apiKey, 'echo')).status).toBe(200);

  verifies('input:json', async () => {
    upstream.seen.length = 0;
    const valid = callBody('echo');
    const cases: readonly (readonly [string, string | Buffer, number, number])[] = [
      ['cut off', valid.slice(0, -3), 400, -32_700],
      ['trailing text', `${valid} {}`, 400, -32_700],
      ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(valid)]), 400, -32_700],
      [
        'invalid UTF-8',
        Buffer.concat([
          Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"'),
          Buffer.from([0xff, 0xfe]),
          Buffer.from('"}}'),
        ]),
        400,
        -32_700,
      ],
      [
        'deep nesting',
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`,
        400,
        -32_700,
      ],
      [
        'a duplicate name',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"forbidden"}}',
        400,
        -32_600,
      ],
      [
        'a duplicate method',
        '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"echo"}}',
        400,
        -32_600,
      ],
      [
        'a name in other case',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"forbidden"}}',
        400,
        -32_600,
      ],
      ['a batch', `[${valid}]`, 400, -32_600],
      ['no message', '"hello"', 400, -32_600],
      ['nothing', '', 400, -32_700],
    ];
    for (const [name, body, status, code] of cases) {
      const sent = await send(body);
      expect([name, sent.status]).toEqual([name, status]);
      expect(sent.message.error.message.length).toBeGreaterThan(10);
      expect([name, [code, -32_700, -32_600].includes(sent.message.error.code)]).toEqual([name, true]);
      expect(sent.message.error.data).toMatchObject({ source: 'sallyport' });
    }
    expect(upstream.seen).toHaveLength(0);
    await works();
  });

  verifies('input:sizes', async () => {
    upstream.seen.length = 0;
    const large = await send(callBody('echo', { text: 'x'.repeat(200_000) }));
    expect(large).toMatchObject({ status: 413, message: { error: { data: { code: 'body_too_large' } } } });
    const port = Number(new URL(suite.ready.routerUrl).port);
    const chunked = await rawRequest(
      port,
      `POST /mcp HTTP/1.1\r\nHost: ${tunnel.host}\r\nAuthorization: Bearer ${tunnel.apiKey}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1E848\r\n${'x'.repeat(0x1e848)}\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 413/);
    const headers = await rawRequest(
      port,
      `GET / HTTP/1.1\r\nHost: ${tunnel.host}\r\nX-Big: ${'a'.repeat(70_000)}\r\n\r\n`,
    );
    expect(headers).toMatch(/^HTTP\/1\.1 431/);
    expect(await rawRequest(port, 'NONSENSE\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    const type = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('echo'), {
      ...modernHeaders('tools/call', 'echo'),
      'content-type': 'text/plain',
    });
    expect(type).toMatchObject({ status: 415, message: { error: { data: { code: 'unsupported_media_type' } } } });
    const method = await fetch(tunnel.mcpUrl, { method: 'PUT', headers: { authorization: `Bearer ${tunnel.apiKey}` } });
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'POST, GET, DELETE']);
    expect(upstream.seen).toHaveLength(0);
    await works();
  });

  verifies('input:slow-loris', async () => {
    const port = Number(new URL(suite.ready.routerUrl).port);
    const startedAt = Date.now();
    const closed = Array.from(
      { length: 50 },
      () =>
        new Promise<void>((resolve) => {
          const socket = connect(port, '127.0.0.1', () =>
            socket.write(`POST /mcp HTTP/1.1\r\nHost: ${tunnel.host}\r\n`),
          );
          const drip = setInterval(() => socket.write('X-Drip: 1\r\n'), 1_000);
          socket.on('error', () => undefined);
          socket.on('data', () => undefined);
          socket.on('close', () => {
            clearInterval(drip);
            resolve();
          });
        }),
    );
    await works();
    await Promise.all(closed);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    await works();
  });

  verifies('input:keys', async () => {
    const withKey = (key: string) => call(tunnel.mcpUrl, key, 'echo');
    for (const key of ['wrong', 'sk-sallyport-AAAA', 'x'.repeat(5_000), `${tunnel.apiKey}x`]) {
      const refused = await withKey(key);
      expect(refused).toMatchObject({ status: 401, message: { error: { data: { code: 'unauthenticated' } } } });
      expect(refused.headers.get('www-authenticate')).toContain('Bearer');
    }
    expect((await fetch(tunnel.mcpUrl, { method: 'POST', body: callBody('echo') })).status).toBe(401);
    expect(await withKey(suite.ready.apiKey)).toMatchObject({
      status: 404,
      message: { error: { data: { code: 'unknown_tunnel' } } },
    });
    const made = (await suite.control('POST', '/v1/api_keys', tunnel.apiKey, { name: 'short-lived' })).body as {
      id: string;
      api_key: string;
    };
    expect((await withKey(made.api_key)).status).toBe(200);
    await suite.control('POST', `/v1/api_keys/${made.id}/revoke`, tunnel.apiKey);
    await sleep(100);
    expect((await withKey(made.api_key)).status).toBe(401);
    await works();
  });

  verifies('input:connector-port', async () => {
    const config = parse(readFileSync(join(suite.ready.dataDir, 'connector', 'config.yml'), 'utf8')) as {
      edge: string[];
    };
    const port = Number(config.edge[0]?.split(':').at(-1));
    await Promise.all([
      rawRequest(port, randomBytes(65_536)),
      rawRequest(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      rawRequest(port, Buffer.from('160301020001000', 'hex')),
      ...Array.from({ length: 20 }, () => rawRequest(port, randomBytes(512))),
    ]);
    await works();
  });
});
