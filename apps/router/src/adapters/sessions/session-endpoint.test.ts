import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { grpcFailure } from '@sallyport/grpc';
import { createLogger } from '@sallyport/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, legacyCall as tunnelCall, modern, RelayBed, settle } from '../../testing/relay-bed.ts';
import { complete, end, type ToolCall, write } from '../../testing/scripted-scheduler.ts';
import { SessionBed, sessionId } from '../../testing/session-bed.ts';
import { SchedulerSessionTools } from '../grpc/scheduler-session-tools.ts';

const otherSessionId = 'sesn_00000000000000000000000002';
const meta =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';
const legacyCall = (id: number | string = 1, args = '{}') =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"bash","arguments":${args}}}`;
const modernCall = legacyCall().replace('"arguments"', `${meta},"arguments"`);
const modernHeaders = modern('tools/call', 'bash');
const callIdShape = /^call_[0-9a-z]{26}$/;

let bed: SessionBed;
beforeEach(async () => {
  bed = await SessionBed.start({ bodyBytesMax: 8_192, requestsPerPrincipalMax: 3 });
});
afterEach(() => bed.stop());

const refused = (status: number, code: string) => ({
  status,
  message: { error: { data: { code, source: 'sallyport' } } },
});
const eras = [
  ['legacy', legacyCall(), legacy],
  ['modern', modernCall, modernHeaders],
] as const;

describe('the front door', () => {
  it('wants a key that may call', async () => {
    for (const headers of [{ authorization: 'Bearer wrong' }, { authorization: 'Basic x' }]) {
      const answer = await bed.post(legacyCall(), headers);
      expect(answer).toMatchObject(refused(401, 'unauthenticated'));
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
    bed.relay.principals.unavailable = true;
    expect(await bed.post(legacyCall())).toMatchObject(refused(503, 'control_unavailable'));
  });

  it('serves sessions under its own names alone, without streams and sessions of the protocol', async () => {
    const foreign = bed.relay.post(tunnelCall(), { host: 'files.x.tunnels.example' });
    await expect.poll(() => bed.relay.upstreams.sent.length).toBe(1);
    foreign.leave();
    expect(bed.scheduler.calls).toEqual([]);
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const headers = { authorization: 'Bearer sk-alice', 'mcp-session-id': 'x', accept: 'text/event-stream' };
      const response = await fetch(bed.url(), { method, headers });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect(await bed.post(legacyCall(), { origin: 'https://evil.example' })).toMatchObject(
      refused(403, 'origin_not_allowed'),
    );
    expect(await bed.post(legacyCall(), { 'content-type': 'text/plain' })).toMatchObject(
      refused(415, 'unsupported_media_type'),
    );
  });

  it('refuses bodies that are too large, no JSON, batches, or not what the headers say', async () => {
    expect(await bed.post(legacyCall(1, `{"x":"${'x'.repeat(9_000)}"}`))).toMatchObject(refused(413, 'body_too_large'));
    expect(await bed.post('{"jsonrpc":')).toMatchObject(refused(400, 'parse_error'));
    expect(await bed.post(`[${legacyCall()}]`)).toMatchObject(refused(400, 'invalid_message'));
    expect(await bed.post(legacyCall().replace('"name"', '"name":"read","name"'))).toMatchObject(
      refused(400, 'invalid_message'),
    );
    expect(await bed.post(legacyCall().replace('"id":1', '"id":9007199254740993'))).toMatchObject(
      refused(400, 'invalid_message'),
    );
    for (const headers of [modern('tools/call', 'read'), modern('tools/list', 'bash'), modern('tools/call'), {}]) {
      const answer = await bed.post(modernCall, headers);
      expect(answer).toMatchObject({ ...refused(400, 'header_mismatch'), message: { id: 1, error: { code: -32020 } } });
      expect(answer.headers.get('sallyport-call-id')).toMatch(callIdShape);
    }
    expect(bed.scheduler.calls).toEqual([]);
  });

  it('counts a principal’s requests, those to tunnels included', async () => {
    const held: ToolCall[] = [];
    bed.scheduler.onCall = (call) => void held.push(call);
    const tunnelled = bed.relay.post(tunnelCall(), legacy);
    const running = [bed.post(legacyCall(1), legacy), bed.post(legacyCall(2), legacy)];
    await expect.poll(() => held.length + bed.relay.upstreams.sent.length).toBe(3);
    const over = await bed.post(legacyCall(3), legacy);
    expect(over).toMatchObject(refused(429, 'too_many_requests'));
    for (const call of held) complete(call, 'done');
    expect((await Promise.all(running)).map((answer) => answer.status)).toEqual([200, 200]);
    tunnelled.leave();
  });
});

describe.each(eras)('a %s call', (_era, body, headers) => {
  it.each([
    [status.NOT_FOUND, 'unknown_session', 404, 'unknown_session'],
    [status.FAILED_PRECONDITION, 'session_ended', 410, 'session_ended'],
    [status.RESOURCE_EXHAUSTED, 'session_busy', 429, 'session_busy'],
    [status.RESOURCE_EXHAUSTED, 'queue_full', 429, 'queue_full'],
    [status.UNAVAILABLE, 'audit_unavailable', 503, 'audit_unavailable'],
    [status.UNAVAILABLE, 'control_unavailable', 503, 'control_unavailable'],
    [status.UNAVAILABLE, 'shutting_down', 503, 'shutting_down'],
    [status.INVALID_ARGUMENT, 'bad_request', 500, 'internal'],
    [status.INTERNAL, 'internal', 500, 'internal'],
  ])('that the scheduler refuses with %s %s is refused', async (code, reason, httpStatus, gatewayCode) => {
    bed.scheduler.onCall = (call) => call.emit('error', grpcFailure(code, reason, 'words'));
    const answer = await bed.post(body, headers);
    expect(answer).toMatchObject({ ...refused(httpStatus, gatewayCode), message: { id: 1 } });
    expect(answer.message.error.data.callId).toBe(answer.headers.get('sallyport-call-id'));
    expect(answer.headers.get('sallyport-call-id')).toBe(bed.scheduler.calls[0]?.request.callId);
    if (httpStatus === 429 || httpStatus === 503) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('whose arguments do not fit is told so in a result, which a model can act on', async () => {
    bed.scheduler.onCall = (call) =>
      end(call, { phase: sandbox.CallEndPhase.FAILED, text: '`command` is missing.', code: 'invalid_arguments' });
    const answer = await bed.post(body, headers);
    const content = [{ type: 'text', text: '`command` is missing.' }];
    expect(answer).toMatchObject({ status: 200, message: { result: { isError: true, content } } });
    expect(answer.headers.get('sallyport-call-id')).toMatch(callIdShape);
  });

  it('to what is no session is refused without asking', async () => {
    for (const session of ['nope', 'sesn_1', `env_${'0'.repeat(26)}`])
      expect(await bed.post(body, { ...headers, 'x-session': session })).toMatchObject(refused(404, 'unknown_session'));
    expect(bed.scheduler.calls).toEqual([]);
  });

  it('that was recorded without its end is withheld', async () => {
    bed.scheduler.onCall = (call) => end(call, { phase: sandbox.CallEndPhase.UNRECORDED });
    expect(await bed.post(body, headers)).toMatchObject(refused(503, 'outcome_unrecorded'));
  });

  it('names itself in its answer', async () => {
    const answer = await bed.post(body, headers);
    expect(answer).toMatchObject({ status: 200, message: { id: 1, result: { content: [{ text: 'ran bash' }] } } });
    expect(answer.headers.get('sallyport-call-id')).toBe(bed.scheduler.calls[0]?.request.callId);
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
  });

  it('hands on the arguments as they were written, and the trace', async () => {
    const args = '{ "n": 12345678901234567890, "n\\u0075ll" : [1.0,  {}] }';
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await bed.post(body.replace('"arguments":{}', `"arguments":${args}`), { ...headers, traceparent });
    const { request } = bed.scheduler.calls[0] ?? expect.unreachable();
    expect([request.argumentsJson.toString(), request.jsonrpcId]).toEqual([args, '1']);
    expect(request.traceparent).toContain('0af7651916cd43dd8448eb211c80319c');
  });

  it('that is lost on the way is not called unsent', async () => {
    bed.scheduler.onCall = () => void bed.scheduler.stop();
    const answer = await bed.post(body, headers);
    expect(answer).toMatchObject(refused(502, 'stream_lost'));
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  it('without a scheduler is refused soon, and served once there is one again', async () => {
    await bed.post(body, headers);
    await bed.scheduler.stop();
    const startedMs = performance.now();
    const answer = await bed.post(body, headers);
    expect(answer).toMatchObject(refused(503, 'scheduler_unavailable'));
    expect(answer.headers.get('sallyport-call-id')).toMatch(callIdShape);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await bed.scheduler.again();
    await expect.poll(async () => (await bed.post(body, headers)).status, { timeout: 10_000 }).toBe(200);
  });

  it('ends when the router stops', async () => {
    const arrives = bed.scheduler.next();
    const answer = bed.post(body, headers);
    const running = await arrives;
    const cancelled = once(running, 'cancelled');
    await bed.relay.server.stop(20);
    await cancelled;
    expect(await answer).toMatchObject({ message: { error: { data: { code: 'call_cancelled' } } } });
  });
});

describe('a client that goes away', () => {
  const leave = async (body: string, headers: Record<string, string>) => {
    const arrives = bed.scheduler.next();
    const abort = new AbortController();
    const answer = bed.post(body, headers, abort.signal).catch(() => undefined);
    const running = await arrives;
    const seen = { cancelled: false };
    running.once('cancelled', () => (seen.cancelled = true));
    abort.abort();
    await answer;
    return { running, seen };
  };

  it('has cancelled its modern call', async () => {
    const { seen } = await leave(modernCall, modernHeaders);
    await expect.poll(() => seen.cancelled).toBe(true);
  });

  it('has not cancelled its legacy call, which another request may', async () => {
    const { running, seen } = await leave(legacyCall(7), legacy);
    write(running, 'goes on');
    await settle(150);
    expect(seen.cancelled).toBe(false);
    const cancel = (id: number, key = 'sk-alice', session = sessionId) =>
      bed.post(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`, {
        ...legacy,
        authorization: `Bearer ${key}`,
        'x-session': session,
      });
    for (const answer of [await cancel(8), await cancel(7, 'sk-bob'), await cancel(7, 'sk-alice', otherSessionId)])
      expect([answer.status, answer.text]).toEqual([202, '']);
    await settle(100);
    expect(seen.cancelled).toBe(false);
    await cancel(7);
    await expect.poll(() => seen.cancelled).toBe(true);
  });

  it('or stays, is answered when its legacy call is cancelled', async () => {
    const arrives = bed.scheduler.next();
    const answer = bed.post(legacyCall('a'), legacy);
    await arrives;
    await bed.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}', legacy);
    expect(await answer).toMatchObject({
      status: 200,
      message: { id: 'a', error: { data: { code: 'call_cancelled' } } },
    });
  });
});

describe('the protocol', () => {
  it('answers ping, initialize and discover, and nothing that it does not know', async () => {
    const method = (name: string, params = '{}') => `{"jsonrpc":"2.0","id":5,"method":"${name}","params":${params}}`;
    expect(await bed.post(method('ping'), legacy)).toMatchObject({ status: 200, message: { id: 5, result: {} } });
    const offer = '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}';
    const begun = await bed.post(method('initialize', offer));
    expect(begun.message.result).toMatchObject({ protocolVersion: '2025-06-18', capabilities: { tools: {} } });
    expect(begun.headers.get('mcp-session-id')).toBeNull();
    const discovered = await bed.post(method('server/discover', `{${meta}}`), modern('server/discover'));
    expect(discovered.message.result).toMatchObject({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } });
    const listed = await bed.post(method('tools/list', `{${meta}}`), modern('tools/list'));
    expect(listed.message.result).toMatchObject({ cacheScope: 'private', tools: [{ name: 'bash' }, { name: 'read' }] });
    expect((await bed.post(method('resources/list'), legacy)).message.error.code).toBe(-32601);
    expect(await bed.post('{"jsonrpc":"2.0","method":"notifications/initialized"}', legacy)).toMatchObject({
      status: 202,
    });
    bed.scheduler.refusesList = grpcFailure(status.NOT_FOUND, 'unknown_session', 'no');
    for (const answer of [await bed.post(method('tools/list'), legacy), await bed.post(method('initialize', offer))])
      expect(answer).toMatchObject({ ...refused(404, 'unknown_session'), message: { id: 5 } });
  });

  it('ends a subscription at once: its tools do not change while it lasts', async () => {
    const wanted = `{"notifications":{"toolsListChanged":true},${meta}}`;
    const body = `{"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":${wanted}}`;
    const answer = await bed.post(body, modern('subscriptions/listen'));
    expect(answer).toMatchObject({ status: 200, message: { id: 3, result: { resultType: 'complete' } } });
  });

  it('gives the version away that it serves', async () => {
    const future = '2027-01-01';
    const answer = await bed.post(modernCall.replace('2026-07-28', future), {
      ...modernHeaders,
      'mcp-protocol-version': future,
    });
    expect(answer).toMatchObject({
      status: 400,
      message: { error: { code: -32022, data: { supported: ['2026-07-28'] } } },
    });
  });
});

describe('bounds', () => {
  it('ends a call that takes longer than a call may', async () => {
    await bed.stop();
    bed = await SessionBed.start({}, 150);
    bed.scheduler.onCall = () => undefined;
    expect(await bed.post(legacyCall(), legacy)).toMatchObject(refused(504, 'upstream_timeout'));
  });

  it('keeps what a slow client does not take from slowing the tool', async () => {
    const body = legacyCall().replace('"params":{', '"params":{"_meta":{"progressToken":1},');
    const arrives = bed.scheduler.next();
    const client = bed.relay.raw();
    client.pause();
    const lines = [
      `POST /v1/sessions/${sessionId}/mcp HTTP/1.1`,
      `Host: 127.0.0.1:${bed.relay.port}`,
      'Authorization: Bearer sk-alice',
    ];
    const rest = [
      'Content-Type: application/json',
      'Accept: application/json, text/event-stream',
      `Content-Length: ${body.length}`,
    ];
    client.write([...lines, ...rest, '', body].join('\r\n'));
    const running = await arrives;
    for (let piece = 0; piece < 400; piece += 1) {
      if (!running.write({ message: { $case: 'output', value: Buffer.alloc(64 * 1024, 120) } }))
        await once(running, 'drain');
    }
    complete(running, 'the end');
    let seen = 0;
    let last = '';
    client.on('data', (chunk: Buffer) => {
      seen += chunk.length;
      last = (last + chunk.toString()).slice(-2_000);
    });
    client.resume();
    await expect.poll(() => last).toContain('the end');
    expect(seen).toBeLessThan(8 * 1024 * 1024);
  });

  it('withholds a result for which no memory is left, and says that the call was done', async () => {
    await bed.stop();
    bed = await SessionBed.start({ bodyBytesTotalMax: 100_000 });
    bed.scheduler.onCall = (call) => complete(call, 'x'.repeat(60_000));
    const answer = await bed.post(legacyCall(), legacy);
    expect(answer).toMatchObject(refused(502, 'response_too_large'));
    bed.scheduler.onCall = (call) => complete(call, 'x'.repeat(40_000));
    for (let time = 0; time < 5; time += 1) expect((await bed.post(legacyCall(), legacy)).status).toBe(200);
  });

  it('says that there is no scheduler where there is none', async () => {
    const tools = new SchedulerSessionTools(undefined, 1_000, createLogger('router', { level: 'silent' }));
    const relay = await new RelayBed({}, {}, tools).start();
    const headers = { authorization: 'Bearer sk-alice', 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${relay.port}/v1/sessions/s/mcp`;
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, accept: 'application/json, text/event-stream' },
      body: legacyCall(),
    });
    expect([response.status, await response.text()]).toEqual([
      503,
      expect.stringContaining('ROUTER_SCHEDULER_ADDRESS'),
    ]);
    await relay.stop();
  });
});
