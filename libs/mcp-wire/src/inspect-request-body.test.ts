import { describe, expect, it } from 'vitest';

import type { BodyRefusalCode } from './body-refusal.ts';
import { defaultBodyLimits, type InspectedMessage, inspectRequestBody } from './inspect-request-body.ts';

const limits = { ...defaultBodyLimits, bytesMax: 2000, depthMax: 8, membersMax: 50 };

function inspect(text: string | Uint8Array): InspectedMessage {
  const inspected = inspectRequestBody(typeof text === 'string' ? Buffer.from(text) : text, limits);
  if (!inspected.ok) throw new Error(`refused: ${inspected.reason.code}`);
  return inspected.value;
}

function refusal(text: string | Uint8Array) {
  const inspected = inspectRequestBody(typeof text === 'string' ? Buffer.from(text) : text, limits);
  if (inspected.ok) throw new Error('accepted');
  return inspected.reason;
}

const call = (params: string, id = '1') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`;

describe('what an accepted message tells', () => {
  it('reads a modern tools/call', () => {
    const text = call(
      '{"name":"echo","arguments":{"a": 1},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","traceparent":"00-a","tracestate":"k=v","progressToken":12345678901234567890}}',
      '"req-1"',
    );
    const message = inspect(text);
    expect(message).toMatchObject({
      kind: 'request',
      id: { raw: '"req-1"', key: 's:req-1' },
      method: 'tools/call',
      target: { field: 'name', value: 'echo' },
      claimedVersion: '2026-07-28',
      traceparent: '00-a',
      tracestate: 'k=v',
      progressToken: '12345678901234567890',
    });
    expect(text.slice(message.arguments!.start, message.arguments!.end)).toBe('{"a": 1}');
  });

  it('decodes escaped member names and values before it looks at them', () => {
    const message = inspect(
      String.raw`{"jsonrpc":"2.0","i\u0064":1,"method":"tools\/call","params":{"n\u0061me":"\u0065cho"}}`,
    );
    expect(message.target).toEqual({ field: 'name', value: 'echo' });
    expect(message.method).toBe('tools/call');
  });

  it('keeps ids as they were written and compares them as values', () => {
    const raw = (text: string) => inspect(call('{"name":"e"}', text)).id;
    expect(raw('9007199254740993')).toEqual({ raw: '9007199254740993', key: 'n:9007199254740993e0' });
    expect(raw('9007199254740993')?.key).not.toBe(raw('9007199254740992')?.key);
    expect(raw('1.0')?.key).toBe(raw('1')?.key);
    expect(raw('10e-1')?.key).toBe(raw('1')?.key);
    expect(raw('"1"')?.key).not.toBe(raw('1')?.key);
    expect(raw('-0')?.key).toBe(raw('0')?.key);
    expect(raw(String.raw`"\u0061"`)).toEqual({ raw: String.raw`"\u0061"`, key: 's:a' });
  });

  it.each(['resources/subscribe', 'resources/unsubscribe', 'tasks/get', 'tasks/cancel'])(
    'leaves it to the server whether it has %s, and what it misses',
    (method) => {
      expect(inspect(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":{}}`).target).toBeUndefined();
      expect(refusal(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"uri":1,"taskId":1}}`).code).toBe(
        'target_missing',
      );
    },
  );

  it('reads targets by uri and by task id, and leaves other methods without one', () => {
    const of = (method: string, params: string) =>
      inspect(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`).target;
    expect(of('resources/read', '{"uri":"file:///a","name":"b"}')).toEqual({ field: 'uri', value: 'file:///a' });
    expect(of('prompts/get', '{"name":"p"}')).toEqual({ field: 'name', value: 'p' });
    expect(of('tasks/cancel', '{"taskId":"t"}')).toEqual({ field: 'taskId', value: 't' });
    expect(of('tools/list', '{"name":"p"}')).toBeUndefined();
  });

  it('reads notifications, cancellations and the offer of initialize', () => {
    const cancelled = inspect('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.0}}');
    expect(cancelled).toMatchObject({ kind: 'notification', cancelledId: { raw: '1.0', key: 'n:1e0' } });
    expect(cancelled.id).toBeUndefined();
    const initialize = inspect(
      '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}',
    );
    expect(initialize.offeredVersion).toBe('2025-11-25');
    expect(initialize.claimedVersion).toBeUndefined();
  });

  it("reads a legacy client's responses", () => {
    expect(inspect('{"jsonrpc":"2.0","id":"s1","result":{}}')).toMatchObject({ kind: 'response', id: { key: 's:s1' } });
    expect(inspect('{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}').id).toBeUndefined();
    expect(inspect('{"jsonrpc":"2.0","error":{"code":-1,"message":""}}').kind).toBe('response');
  });

  it('lets unpaired surrogates in arguments pass: no decision is made on them', () => {
    expect(inspect(call(String.raw`{"name":"e","arguments":{"t":"\ud83d"}}`)).kind).toBe('request');
  });
});

const bad: readonly (readonly [BodyRefusalCode, number, string | Uint8Array])[] = [
  ['empty_body', -32700, ''],
  ['malformed_json', -32700, '   '],
  ['byte_order_mark', -32700, `\ufeff${call('{}')}`],
  ['invalid_utf8', -32700, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['invalid_utf8', -32700, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['malformed_json', -32700, '{"jsonrpc":"2.0",}'],
  ['malformed_json', -32700, '{"jsonrpc":"2.0"} x'],
  ['malformed_json', -32700, "{'jsonrpc':'2.0'}"],
  ['malformed_json', -32700, call('{"name":"a","arguments":{"n":01}}')],
  ['malformed_json', -32700, call('{"name":"a\nb"}')],
  ['malformed_json', -32700, call(String.raw`{"name":"\x"}`)],
  ['malformed_json', -32700, call('{"n":NaN}')],
  ['malformed_json', -32700, call('{"n":.5}')],
  ['malformed_json', -32700, call('[1,]')],
  ['malformed_json', -32700, `${call('{}')}${call('{}')}`],
  ['too_deep', -32600, call(`${'['.repeat(9)}${']'.repeat(9)}`)],
  ['too_many_members', -32600, call(`{${Array.from({ length: 60 }, (_, i) => `"k${i}":1`).join(',')}}`)],
  ['duplicate_key', -32600, '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}'],
  ['duplicate_key', -32600, call('{"name":"echo","name":"forbidden"}')],
  ['duplicate_key', -32600, call(String.raw`{"name":"echo","n\u0061me":"forbidden"}`)],
  ['duplicate_key', -32600, call('{"name":"e","arguments":{"x":[{"a":1,"a":1}]}}')],
  ['duplicate_key', -32600, call('{"name":"e","_meta":{"traceparent":1,"traceparent":2}}')],
  ['duplicate_key', -32600, call(`{${Array.from({ length: 12 }, (_, i) => `"k${i}":1`).join(',')},"k3":1}`)],
  ['ambiguous_key', -32600, call('{"name":"echo","Name":"forbidden"}')],
  ['ambiguous_key', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}'],
  ['ambiguous_key', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{}}'],
  ['ambiguous_key', -32600, call('{"name":"e","ta\u017f\u212aid":1}')],
  ['lone_surrogate', -32600, call(String.raw`{"name":"e","\ud800":1}`)],
  ['batch', -32600, `[${call('{"name":"e"}')}]`],
  ['batch', -32600, '[]'],
  ['not_an_object', -32600, '"ping"'],
  ['not_an_object', -32600, '1'],
  ['not_json_rpc_2', -32600, '{"id":1,"method":"ping"}'],
  ['not_json_rpc_2', -32600, '{"jsonrpc":2.0,"id":1,"method":"ping"}'],
  ['id_invalid', -32600, '{"jsonrpc":"2.0","id":null,"method":"ping"}'],
  ['id_invalid', -32600, '{"jsonrpc":"2.0","id":1.5,"method":"ping"}'],
  ['id_invalid', -32600, '{"jsonrpc":"2.0","id":1e999999999,"method":"ping"}'],
  ['id_invalid', -32600, '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
  ['id_invalid', -32600, String.raw`{"jsonrpc":"2.0","id":"\udc00","method":"ping"}`],
  ['id_invalid', -32600, '{"jsonrpc":"2.0","result":{}}'],
  ['id_too_long', -32600, `{"jsonrpc":"2.0","id":"${'i'.repeat(1100)}","method":"ping"}`],
  ['method_invalid', -32600, '{"jsonrpc":"2.0","id":1,"method":7}'],
  ['method_invalid', -32600, '{"jsonrpc":"2.0","id":1,"method":""}'],
  ['method_invalid', -32600, `{"jsonrpc":"2.0","id":1,"method":"${'m'.repeat(300)}"}`],
  ['message_shape', -32600, '{"jsonrpc":"2.0","id":1}'],
  ['message_shape', -32600, '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}'],
  ['message_shape', -32600, '{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}'],
  ['id_missing', -32600, '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}}'],
  ['params_not_object', -32602, call('["echo"]')],
  ['params_not_object', -32602, call('null')],
  ['meta_not_object', -32602, call('{"name":"e","_meta":[]}')],
  ['version_invalid', -32602, call('{"name":"e","_meta":{"io.modelcontextprotocol/protocolVersion":7}}')],
  ['version_invalid', -32602, call('{"name":"e","_meta":{"io.modelcontextprotocol/protocolVersion":"a b"}}')],
  ['ambiguous_key', -32600, '{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"task_id":"secret"}}'],
  ['target_missing', -32602, call('{}')],
  ['target_missing', -32602, call('{"name":["echo"]}')],
  ['target_missing', -32602, '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"a"}}'],
  ['target_missing', -32602, '{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":7}}'],
  ['target_missing', -32602, '{"jsonrpc":"2.0","id":1,"method":"tools/call"}'],
  ['target_missing', -32602, call(String.raw`{"name":"\ud800"}`)],
  ['body_too_large', -32600, call(`{"name":"${'x'.repeat(2000)}"}`)],
];

describe('what is refused', () => {
  it.each(bad)('%s %i %s', (code, rpcCode, text) => {
    const reason = refusal(text);
    expect(reason).toMatchObject({ code, rpcCode });
    expect(reason.sentence).toMatch(/^The .*\.$|^An? .*\.$|^Batches .*\.$|^This .*\.$/);
  });

  it('names the byte', () => {
    expect(refusal('{"jsonrpc":"2.0",}').offset).toBe(17);
    expect(refusal('{"a":1,"a":2}').offset).toBe(7);
    expect(refusal(Buffer.from([0x22, 0x61, 0xc3, 0xa9, 0xff, 0x22])).offset).toBe(4);
  });

  it('gives the id back when there is no doubt about it', () => {
    expect(refusal(call('{}', '"x"')).id?.raw).toBe('"x"');
    expect(refusal('{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}').id).toBeUndefined();
  });

  it('never repeats the body in a sentence', () => {
    expect(refusal(call('{"name":"canary","Name":"canary"}')).sentence).not.toContain('canary');
  });
});
