import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { callBody, callIdOf, legacyHeaders, modernHeaders, open, post } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, answerStream, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const resultOf = (id: unknown, result: unknown = { content: [{ type: 'text', text: 'ok' }] }) =>
  JSON.stringify({ jsonrpc: '2.0', id, result });

describe('the relay, by era', () => {
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

  verifies('relay:disconnect', async () => {
    upstream.answer = () => undefined;
    const abandon = new AbortController();
    const modern = open(
      tunnel.mcpUrl,
      tunnel.apiKey,
      callBody('slow'),
      modernHeaders('tools/call', 'slow'),
      abandon.signal,
    ).catch(() => undefined);
    while (upstream.seen.length === 0) await sleep(10);
    abandon.abort();
    await modern;
    await lastSeen().aborted;

    upstream.seen.length = 0;
    let finish: () => void = () => undefined;
    upstream.answer = (_request, response) => {
      finish = () => answerJson(response, resultOf(1));
    };
    const leave = new AbortController();
    const legacy = open(tunnel.mcpUrl, tunnel.apiKey, callBody('slow', {}, 1, null), legacyHeaders, leave.signal).catch(
      () => undefined,
    );
    while (upstream.seen.length === 0) await sleep(10);
    leave.abort();
    await legacy;
    const outcome = await Promise.race([lastSeen().aborted.then(() => 'aborted'), sleep(1_500).then(() => 'running')]);
    expect(outcome).toBe('running');
    finish();
    const { body } = await suite.control('GET', '/v1/audit/events?limit=50&tool=slow&order=desc', tunnel.apiKey);
    expect(JSON.stringify(body)).toContain('client_gone');
  });

  verifies('relay:legacy-sessions', async () => {
    upstream.answer = (request, response) => {
      if (request.method === 'DELETE') {
        response.writeHead(405);
        return response.end();
      }
      if (request.method === 'GET')
        return void answerStream(response).end(
          'id: 5\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n',
        );
      return answerJson(response, resultOf(1), 200, { 'mcp-session-id': 'upstream-session' });
    };
    const init = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    };
    const opened = await post(tunnel.mcpUrl, tunnel.apiKey, JSON.stringify(init));
    expect(opened.headers.get('mcp-session-id')).toBe('upstream-session');
    const headers = {
      authorization: `Bearer ${tunnel.apiKey}`,
      'mcp-session-id': 'upstream-session',
      ...legacyHeaders,
    };
    const got = await fetch(tunnel.mcpUrl, {
      headers: { ...headers, accept: 'text/event-stream', 'last-event-id': 'stream-1/4' },
    });
    expect([got.status, await got.text()]).toEqual([
      200,
      'id: 5\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n',
    ]);
    expect(lastSeen()).toMatchObject({
      method: 'GET',
      headers: { 'last-event-id': 'stream-1/4', 'mcp-session-id': 'upstream-session' },
    });
    const deleted = await fetch(tunnel.mcpUrl, { method: 'DELETE', headers });
    expect(deleted.status).toBe(405);
    expect(lastSeen()).toMatchObject({ method: 'DELETE', headers: { 'mcp-session-id': 'upstream-session' } });
  });

  verifies('cancel:legacy', async () => {
    const streams: { end(): void; body: string }[] = [];
    upstream.answer = (request, response) => {
      const message = JSON.parse(request.body.toString());
      if (message.method === 'notifications/cancelled') {
        response.writeHead(202);
        response.end();
        for (const stream of streams) stream.end();
        return;
      }
      const stream = answerStream(response);
      streams.push({ end: () => stream.end(), body: '' });
    };
    const running = open(tunnel.mcpUrl, tunnel.apiKey, callBody('slow', {}, 'job-1', null), legacyHeaders);
    const response = await running;
    const cancelled = await post(
      tunnel.mcpUrl,
      tunnel.apiKey,
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"job-1","reason":"x"}}',
      legacyHeaders,
    );
    expect(cancelled.status).toBe(202);
    await response.text();
    expect((await suite.eventsOf(callIdOf(response))).at(-1)?.data).toMatchObject({
      phase: 'cancelled',
      outcome: { status: 'client_cancelled', cancelForwarded: true },
    });
  });

  verifies('resume:legacy', async () => {
    upstream.answer = (request, response) => {
      if (request.method === 'GET') return void answerStream(response).end(`id: s/2\ndata: ${resultOf('r1')}\n\n`);
      return void answerStream(response).end(
        'id: s/1\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}\n\n',
      );
    };
    const first = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('slow', {}, 'r1', null), {
      ...legacyHeaders,
      'mcp-session-id': 's',
    });
    const resumed = await fetch(tunnel.mcpUrl, {
      headers: {
        authorization: `Bearer ${tunnel.apiKey}`,
        accept: 'text/event-stream',
        'last-event-id': 's/1',
        'mcp-session-id': 's',
        ...legacyHeaders,
      },
    });
    expect(await resumed.text()).toContain('"result"');
    expect(await phases(callIdOf(first))).toEqual(['requested', 'authorized', 'dispatched', 'completed']);
    const never = await post(tunnel.mcpUrl, tunnel.apiKey, callBody('slow', {}, 'r2', null), {
      ...legacyHeaders,
      'mcp-session-id': 's',
    });
    expect((await suite.eventsOf(callIdOf(never))).at(-1)?.data).toMatchObject({
      phase: 'failed',
      outcome: { code: 'not_resumed' },
    });
  });
});
