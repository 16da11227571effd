import { describe, expect, it } from 'vitest';

import { ResponseScanner } from './response-scanner.ts';

function scan(text: string) {
  const scanner = new ResponseScanner(16);
  const bytes = Buffer.from(text);
  return { at: scanner.push(bytes), end: bytes.length, scanner };
}

describe('what a complete message was', () => {
  it.each([
    [
      '{"jsonrpc":"2.0","id":1,"result":{"isError":true,"resultType":"complete"}}',
      { kind: 'result', isError: true, resultType: 'complete' },
    ],
    [
      '{"result":{"content":[{"isError":true}],"structuredContent":{"isError":true}},"id":"a"}',
      { kind: 'result', id: { raw: '"a"', key: 's:a' } },
    ],
    [
      '{"id":2,"error":{"code":-32602,"message":"m","data":{"code":1}}}',
      { kind: 'error', errorCode: -32602, id: { raw: '2', key: 'n:2e0' } },
    ],
    ['{"id":null,"error":{"code":-32700,"message":"m"}}', { kind: 'error', errorCode: -32700 }],
    [
      '{"id":"s","method":"sampling/createMessage","params":{"result":{}}}',
      { kind: 'request', method: 'sampling/createMessage' },
    ],
    [
      '{"method":"notifications/progress","params":{"id":1}}',
      { kind: 'notification', method: 'notifications/progress' },
    ],
    ['{"jsonrpc":"2.0","id":1}', { kind: 'other' }],
    ['{"id":0,"result":{"protocolVersion":"2025-06-18"}}', { kind: 'result', protocolVersion: '2025-06-18' }],
    [String.raw`{"\u0069d":7,"r\u0065sult":{"res\u0075ltType":"t\u0061sk"}}`, { kind: 'result', resultType: 'task' }],
    [`{"id":1,"result":{"resultType":"${'x'.repeat(65)}"}}`, { kind: 'result', id: { raw: '1', key: 'n:1e0' } }],
    ['{"id":1,"result":null}', { kind: 'result', id: { raw: '1', key: 'n:1e0' } }],
    [`{"${'k'.repeat(5000)}":1,"id":1,"result":{}}`, { kind: 'result', id: { raw: '1', key: 'n:1e0' } }],
  ])('%s', (text, message) => {
    const { scanner, at, end } = scan(text);
    expect(scanner.message).toMatchObject(message);
    expect(scanner.message?.resultType).toBe('resultType' in message ? message.resultType : undefined);
    expect(scanner.message?.isError).toBe('isError' in message ? message.isError : undefined);
    expect(at).toBe(end - 1);
  });

  it('names the completing byte and lets white space follow', () => {
    const bytes = Buffer.from(' {"id":1,"result":{}}\n ');
    const scanner = new ResponseScanner();
    const at = scanner.push(bytes);
    expect(bytes.toString('latin1', at, at + 1)).toBe('}');
    expect(at).toBe(20);
    expect(scanner.push(bytes, at + 1)).toBe(bytes.length);
    expect(scanner.complete).toBe(true);
  });

  it('is not complete before its last brace', () => {
    const scanner = new ResponseScanner();
    scanner.push(Buffer.from('{"id":1,"result":{}'));
    expect(scanner.message).toBeUndefined();
    scanner.push(Buffer.from('}'));
    expect(scanner.message?.kind).toBe('result');
  });
});

describe('what is flagged', () => {
  it.each([
    ['{"id":1,"id":2,"result":{}}', 'duplicate_key'],
    ['{"id":1,"result":{},"result":{}}', 'duplicate_key'],
    ['{"id":1,"result":{"isError":false,"isError":true}}', 'duplicate_key'],
    ['{"id":1,"error":{"code":1,"code":2}}', 'duplicate_key'],
    ['{"ID":1,"result":{}}', 'ambiguous_key'],
    ['{"id":1,"Result":{}}', 'ambiguous_key'],
    ['{"id":1,"result":{},"error":{}}', 'message_shape'],
    ['{"id":1,"result":{},"method":"m"}', 'message_shape'],
    ['{"id":1.5,"result":{}}', 'message_shape'],
    ['{"id":[1],"result":{}}', 'message_shape'],
    ['{"id":true,"result":{}}', 'message_shape'],
    ['{"id":1,"method":{}}', 'message_shape'],
    ['[{"id":1,"result":{}}]', 'batch'],
    ['"text"', 'not_an_object'],
    ['1 ', 'not_an_object'],
    ['null', 'not_an_object'],
    ['x', 'malformed_json'],
    ['{"id":1,}', 'malformed_json'],
    ['{"id":01}', 'malformed_json'],
    ['{"id":-}', 'malformed_json'],
    ['{"id":--1}', 'malformed_json'],
    ['{"id":1.}', 'malformed_json'],
    ['{"id":1e}', 'malformed_json'],
    ['{"id":"\n"}', 'malformed_json'],
    [String.raw`{"id":"\x"}`, 'malformed_json'],
    [String.raw`{"id":"\u12g4"}`, 'malformed_json'],
    ['{"id":tru}', 'malformed_json'],
    ['{"a":[1}]', 'malformed_json'],
    ['{"a" 1}', 'malformed_json'],
    [`{"a":${'['.repeat(16)}`, 'too_deep'],
  ])('%s %s', (text, fault) => {
    const { scanner } = scan(text);
    expect(scanner.fault).toBe(fault);
    expect(scanner.message).toBeUndefined();
  });

  it('flags what follows a message', () => {
    const scanner = new ResponseScanner();
    const bytes = Buffer.from('{"id":1,"result":{}}{}');
    const at = scanner.push(bytes);
    expect(scanner.complete).toBe(true);
    expect(scanner.push(bytes, at + 1)).toBe(at + 1);
    expect(scanner.fault).toBe('malformed_json');
    expect(scanner.complete).toBe(false);
  });

  it('does not take a later push for anything', () => {
    const scanner = new ResponseScanner();
    scanner.push(Buffer.from('x'));
    expect(scanner.push(Buffer.from('{"id":1,"result":{}}'))).toBe(20);
    expect(scanner.message).toBeUndefined();
  });
});

it('keeps constant memory for a body of 100 MB', () => {
  const scanner = new ResponseScanner();
  scanner.push(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"text":"'));
  const chunk = Buffer.alloc(1 << 20, 'a');
  const before = process.memoryUsage();
  for (let count = 0; count < 100; count++) scanner.push(chunk);
  const after = process.memoryUsage();
  scanner.push(Buffer.from('","isError":true}}'));
  expect(scanner.message).toMatchObject({ kind: 'result', isError: true });
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1 << 20);
});
