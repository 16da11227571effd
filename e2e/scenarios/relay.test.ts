import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { call, callBody, callIdOf, legacyHeaders, modernHeaders, modernMeta, open, post } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, answerStream, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const resultOf = (id: unknown, result: unknown = { content: [{ type: 'text', text: 'ok' }] }) =>
  JSON.stringify({ jsonrpc: '2.0', id, result });
const canary = 'canary-7f3a9c';

describe('the relay', () => {
  let suite: Suite;
  let upstream: Upstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite({ env: { ROUTER_RESUME_MS_MAX: '3000', ROUTER_LOG_LEVEL: 'debug' } });
    upstream = await Upstream.start(() => undefined);
    tunnel = await startTunnel(suite, {
      upstreamPort: upstream.port,
      rules: [{ effect: 'allow' }, { effect: 'deny', tool: 'forbidden' }],
    });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
  });
  beforeEach(() => {
    upstream.seen.length = 0;
    upstream.answer = (request, response) => answerJson(response, resultOf(JSON.parse(request.body.toString()).id));
  });
  const lastSeen = () => {
    const seen = upstream.seen.at(-1);
    if (seen === undefined) throw new Error('nothing reached the upstream');
    return seen;
  };
  const phases = async (callId: string) => (await suite.eventsOf(callId)).map((event) => event.data.phase);

  verifies(['relay:unknown-params', 'relay:secrets', 'input:forged-headers'], async () => {
    const headers = {
      ...modernHeaders('tools/call', 'echo'),
      'mcp-param-region': '=?base64?w7xiZXI=?=',
      'x-vendor': 'kept',
      'x-leak': `token ${tunnel.apiKey}`,
      'cf-cloudflared-proxy-connection-upgrade': 'update-configuration',
      'cf-cloudflared-proxy-src': '10.0.0.1',
      'sallyport-call-id': 'forged',
      'x-forwarded-for': '6.6.6.6',
      cookie: 'session=1',
    };
    expect((await post(tunnel.mcpUrl, tunnel.apiKey, callBody('echo'), headers)).status).toBe(200);
    const seen = lastSeen();
    expect(seen.headers).toMatchObject({
      'mcp-param-region': '=?base64?w7xiZXI=?=',
      'x-vendor': 'kept',
      'mcp-name': 'echo',
    });
    for (const name of [
      'authorization',
      'x-api-key',
      'cookie',
      'x-leak',
      'cf-cloudflared-proxy-src',
      'cf-cloudflared-proxy-connection-upgrade',
      'sallyport-call-id',
    ]) {
      expect(seen.headers[name]).toBeUndefined();
    }
    expect(seen.rawHeaders.join('\n')).not.toContain(tunnel.apiKey);
    expect(seen.headers['x-forwarded-for'] ?? '').not.toContain('6.6.6.6');
  });

  verifies(['relay:sentinel', 'relay:header-400', 'relay:decide-on-body'], async () => {
    const name = 'grüße';
    const encoded = `=?base64?${Buffer.from(name).toString('base64')}?=`;
    expect(
      (await post(tunnel.mcpUrl, tunnel.apiKey, callBody(name), modernHeaders('tools/call', encoded))).status,
    ).toBe(200);
    upstream.seen.length = 0;
    const lying = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('forbidden'), modernHeaders('tools/call', 'echo'));
    expect(lying).toMatchObject({ status: 400, message: { id: 1, error: { code: -32_020 } } });
    const otherMethod = await post(
      tunnel.mcpUrl,
      tunnel.apiKey,
      callBody('forbidden'),
      modernHeaders('tools/list', 'forbidden'),
    );
    expect(otherMethod.status).toBe(400);
    const missing = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('echo'), {
      'mcp-protocol-version': '2026-07-28',
    });
    expect(missing).toMatchObject({ status: 400, message: { error: { code: -32_020 } } });
    const legacyLie = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('forbidden', {}, 1, null), {
      ...legacyHeaders,
      'mcp-name': 'echo',
    });
    expect(legacyLie.status).toBe(400);
    expect(upstream.seen).toHaveLength(0);
  });

  verifies('relay:streaming', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    upstream.answer = async (request, response) => {
      const { id } = JSON.parse(request.body.toString());
      const stream = answerStream(response, { 'x-accel-buffering': 'no' });
      stream.write(': first comment\n\n');
      stream.write(
        'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}\n\n',
      );
      await released;
      stream.end(`id: 7\ndata: ${resultOf(id)}\n\n`);
    };
    const response = await open(tunnel.mcpUrl, tunnel.apiKey, callBody('slow'), modernHeaders('tools/call', 'slow'));
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes('notifications/progress'))
      text += Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(text.startsWith(': first comment\n\n')).toBe(true);
    expect(text).not.toContain('"result"');
    await sleep(15_500);
    text += Buffer.from((await reader?.read())?.value ?? []).toString();
    expect(text).toContain(': keep-alive');
    release();
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read())
      text += Buffer.from(part.value).toString();
    expect(text.endsWith(`id: 7\ndata: ${resultOf(1)}\n\n`)).toBe(true);
    expect(await phases(callIdOf(response))).toEqual(['requested', 'authorized', 'dispatched', 'completed']);
  });

  verifies(['policy:list-equals-call', 'relay:private-cache'], async () => {
    const list = (tools: readonly string[]) =>
      `{ "jsonrpc": "2.0", "id": 1, "result": {"resultType":"complete", "cacheScope": "public","ttlMs":60000,  "tools": [ ${tools.map((name) => `{"name":"${name}","inputSchema":{"type":"object","x":1.50}}`).join(' , ')} ] } }`;
    const ask = () =>
      post(
        tunnel.mcpUrl,
        tunnel.apiKey,
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: modernMeta } }),
        modernHeaders('tools/list'),
      );
    upstream.answer = (_request, response) => answerJson(response, list(['echo', 'forbidden', 'add']));
    const filtered = await ask();
    expect(filtered.message.result.tools.map((tool: { name: string }) => tool.name)).toEqual(['echo', 'add']);
    expect(filtered.message.result.cacheScope).toBe('private');
    expect(filtered.text).toContain('"x":1.50');
    upstream.answer = (_request, response) => answerJson(response, list(['echo', 'add']));
    const untouched = await ask();
    expect(untouched.text).toBe(list(['echo', 'add']));
    await ask();
    expect(upstream.seen).toHaveLength(3);
    upstream.answer = (_request, response) => {
      answerStream(response).end(`event: message\ndata: ${list(['forbidden', 'echo'])}\n\n`);
    };
    const streamed = await ask();
    expect(streamed.message.result.tools.map((tool: { name: string }) => tool.name)).toEqual(['echo']);
    upstream.answer = (_request, response) =>
      answerJson(response, '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"forbidden"}],"tools":[]}}');
    expect(await ask()).toMatchObject({ status: 502, message: { error: { data: { code: 'upstream_malformed' } } } });
    for (const name of ['echo', 'forbidden']) {
      upstream.answer = (_request, response) => answerJson(response, resultOf(1));
      const denied = name === 'forbidden';
      const called = await call(tunnel.mcpUrl, tunnel.apiKey, name);
      expect(called.message.error?.data?.code).toBe(denied ? 'denied_by_policy' : undefined);
    }
  });

  verifies(['policy:default-deny', 'call:id-header', 'call:events'], async () => {
    await tunnel.setPolicy([]);
    await sleep(100);
    const denied = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
    expect(denied).toMatchObject({
      status: 200,
      message: { id: 1, error: { data: { code: 'denied_by_policy', reason: 'no_rule_allows' } } },
    });
    expect(await phases(callIdOf(denied))).toEqual(['requested', 'denied']);
    for (const method of ['resources/read', 'prompts/get', 'completion/complete', 'tasks/get', 'vendor/unknown']) {
      const params = { name: 'x', uri: 'file:///x', taskId: 't', _meta: modernMeta };
      const name = method === 'resources/read' ? 'file:///x' : method === 'prompts/get' ? 'x' : undefined;
      const sent = await post(
        tunnel.mcpUrl,
        tunnel.apiKey,
        JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        modernHeaders(method, name),
      );
      expect([method, sent.message?.error?.data?.code]).toEqual([method, 'denied_by_policy']);
    }
    expect(upstream.seen).toHaveLength(0);
    await tunnel.setPolicy([{ effect: 'allow' }, { effect: 'deny', tool: 'forbidden' }]);
    await sleep(100);
    const allowed = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
    const events = await suite.eventsOf(callIdOf(allowed));
    expect(events.map((event) => [event.data.seq, event.data.phase])).toEqual([
      [1, 'requested'],
      [2, 'authorized'],
      [3, 'dispatched'],
      [4, 'completed'],
    ]);
  });

  verifies('relay:status-and-bodies', async () => {
    const answers: readonly (readonly [number, Record<string, string>, string])[] = [
      [
        400,
        { 'content-type': 'application/json' },
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2025-11-25"],"requested":"x"}}}',
      ],
      [401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer resource_metadata="https://x/y"' }, 'who?'],
      [403, { 'content-type': 'text/html' }, '<b>no</b>'],
      [
        404,
        { 'content-type': 'application/json' },
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"unknown"}}',
      ],
      [405, { allow: 'POST' }, ''],
      [503, { 'retry-after': '7' }, 'later'],
    ];
    for (const [status, headers, body] of answers) {
      upstream.answer = (_request, response) => {
        response.writeHead(status, headers);
        response.end(body);
      };
      const sent = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
      expect([sent.status, sent.text]).toEqual([status, body]);
      for (const [name, value] of Object.entries(headers)) expect(sent.headers.get(name)).toBe(value);
      expect((await phases(callIdOf(sent))).at(-1)).toBe('failed');
    }
  });

  verifies('relay:202', async () => {
    upstream.answer = (_request, response) => {
      response.writeHead(202);
      response.end();
    };
    const sent = await post(
      tunnel.mcpUrl,
      tunnel.apiKey,
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      legacyHeaders,
    );
    expect([sent.status, sent.text]).toEqual([202, '']);
  });

  verifies(['relay:host-and-origin', 'input:hosts'], async () => {
    const origin = (value: string) =>
      post(tunnel.mcpUrl, tunnel.apiKey, callBody('echo'), { ...modernHeaders('tools/call', 'echo'), origin: value });
    expect(await origin('https://evil.example')).toMatchObject({
      status: 403,
      message: { error: { data: { code: 'origin_not_allowed' } } },
    });
    expect((await origin('null')).status).toBe(403);
    const own = new URL(suite.ready.routerUrl).origin;
    expect((await origin(own)).status).toBe(200);
    expect(lastSeen().headers.origin).toBe(own);
    upstream.seen.length = 0;
    const { rawRequest } = await import('../harness/raw-request.ts');
    const { port } = new URL(suite.ready.routerUrl);
    for (const host of ['evil.example', '169.254.169.254', 'localhost', `app.${tunnel.domain}.evil.example`]) {
      const answer = await rawRequest(
        Number(port),
        `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${tunnel.apiKey}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      );
      expect([host, /^HTTP\/1\.1 4(04|21)/.test(answer)]).toEqual([host, true]);
    }
    const byHost = await rawRequest(
      Number(port),
      `POST /mcp HTTP/1.1\r\nHost: ${tunnel.host}\r\nAuthorization: Bearer ${tunnel.apiKey}\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\nConnection: close\r\nContent-Length: ${callBody('echo').length}\r\n\r\n${callBody('echo')}`,
    );
    expect(byHost).toMatch(/^HTTP\/1\.1 200/);
    expect(upstream.seen).toHaveLength(1);
    const unknown = await call(tunnel.mcpUrl.replace('/app.', '/app.unknown'), tunnel.apiKey, 'echo');
    expect(unknown).toMatchObject({ status: 404, message: { error: { data: { code: 'unknown_tunnel' } } } });
  });

  verifies(['relay:byte-fidelity', 'relay:request-state', 'relay:elicitation'], async () => {
    const body = `{ "params" : {"arguments":{"z":1.0,"a":12345678901234567890123, "e":1E5},"name":"echo" , "requestState":"b64\\/=\\u00fc" },"method":"tools\\/call",\n"id":9007199254740993, "jsonrpc":"2.0"}`;
    const answer = `{"jsonrpc":"2.0", "result":{"resultType":"input_required","requestState":"opaque\\/\\u00e9==","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"url","url":"http://127.0.0.1:${upstream.port}/never"}}},"n":1.00,"big":98765432109876543210}, "id":9007199254740993}`;
    upstream.answer = (_request, response) => answerJson(response, answer);
    const sent = await post(tunnel.mcpUrl, tunnel.apiKey, body, legacyHeaders);
    expect(sent.text).toBe(answer);
    const received = lastSeen().body.toString();
    expect(received.replace(/"_meta":\{"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]"\},/, '')).toBe(body);
    expect(received).not.toBe(body);
    expect(upstream.seen).toHaveLength(1);
    expect((await suite.eventsOf(callIdOf(sent))).at(-1)?.data).toMatchObject({
      phase: 'completed',
      outcome: { status: 'input_required' },
    });
  });

  verifies('relay:trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await post(
      tunnel.mcpUrl,
      tunnel.apiKey,
      callBody('echo', {}, 1, { ...modernMeta, traceparent, tracestate: 'a=b' }),
      {
        ...modernHeaders('tools/call', 'echo'),
        traceparent: '00-ffffffffffffffffffffffffffffffff-b7ad6b7169203331-01',
      },
    );
    const seen = lastSeen();
    const meta = JSON.parse(seen.body.toString()).params._meta;
    expect(meta.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
    expect(meta.tracestate).toBe('a=b');
    expect(seen.headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  });

  verifies(['relay:no-retry', 'relay:own-errors'], async () => {
    upstream.answer = (_request, response) => void response.destroy();
    const sent = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
    expect(sent.status).toBeGreaterThanOrEqual(500);
    expect(callIdOf(sent)).toMatch(/^call_/);
    await sleep(500);
    expect(upstream.seen).toHaveLength(1);
    const { code, data } = sent.message.error;
    expect(data.source).toBe('sallyport');
    expect(code).toBeGreaterThan(0);
    expect((await phases(callIdOf(sent))).at(-1)).toBe('failed');
  });

  verifies('relay:no-header-values-logged', async () => {
    await post(tunnel.mcpUrl, tunnel.apiKey, callBody('echo', { secret: canary }), {
      ...modernHeaders('tools/call', 'echo'),
      'mcp-param-token': canary,
      'x-custom': canary,
    });
    await post(tunnel.mcpUrl, tunnel.apiKey, `{"broken":"${canary}"`, modernHeaders('tools/call', 'echo'));
    upstream.answer = (_request, response) => void response.destroy();
    await call(tunnel.mcpUrl, tunnel.apiKey, 'echo', { secret: canary });
    await sleep(1_500);
    const logs = join(suite.ready.dataDir, 'logs');
    for (const name of readdirSync(logs)) {
      const text = readFileSync(join(logs, name), 'utf8');
      expect([name, text.includes(canary), text.includes(tunnel.apiKey)]).toEqual([name, false, false]);
    }
  });
});
