import { describe, expect, it } from 'vitest';

import { checkHeaders, type HeaderLines } from './check-headers.ts';
import { inspectRequestBody } from './inspect-request-body.ts';
import { decodeMirroredValue } from './mirrored-value.ts';

const claim = (version: string) => `{"io.modelcontextprotocol/protocolVersion":"${version}"}`;

function message(method: string, params = '{}', id: string | null = '1') {
  const idMember = id === null ? '' : `"id":${id},`;
  const inspected = inspectRequestBody(
    Buffer.from(`{"jsonrpc":"2.0",${idMember}"method":"${method}","params":${params}}`),
  );
  if (!inspected.ok) throw new Error(inspected.reason.code);
  return inspected.value;
}

const modernCall = message('tools/call', `{"name":"echo","_meta":${claim('2026-07-28')}}`);
const modernHeaders = {
  'mcp-protocol-version': ['2026-07-28'],
  'mcp-method': ['tools/call'],
  'mcp-name': ['echo'],
} satisfies HeaderLines;

describe('era', () => {
  it.each<[string, HeaderLines, ReturnType<typeof message>, object]>([
    ['modern by claim', modernHeaders, modernCall, { era: 'modern', version: '2026-07-28' }],
    ['legacy without anything', {}, message('tools/list'), { era: 'legacy' }],
    [
      'legacy by header',
      { 'mcp-protocol-version': ['2025-11-25'] },
      message('tools/list'),
      { era: 'legacy', version: '2025-11-25' },
    ],
    [
      "an unknown old or odd header is the upstream's to refuse",
      { 'mcp-protocol-version': ['1999-01-01'] },
      message('ping'),
      { era: 'legacy', version: '1999-01-01' },
    ],
    [
      'a word as version too',
      { 'mcp-protocol-version': ['banana'] },
      message('ping'),
      { era: 'legacy', version: 'banana' },
    ],
    [
      'a legacy version claimed in the body',
      { 'mcp-protocol-version': ['2025-06-18'] },
      message('tools/list', `{"_meta":${claim('2025-06-18')}}`),
      { era: 'legacy', version: '2025-06-18' },
    ],
    [
      'a later version is modern and negotiated upstream',
      { 'mcp-protocol-version': ['2031-01-01'], 'mcp-method': ['tools/list'] },
      message('tools/list', `{"_meta":${claim('2031-01-01')}}`),
      { era: 'modern', version: '2031-01-01' },
    ],
    [
      'a draft version as well',
      { 'mcp-protocol-version': ['DRAFT-9'], 'mcp-method': ['tools/list'] },
      message('tools/list', `{"_meta":${claim('DRAFT-9')}}`),
      { era: 'modern', version: 'DRAFT-9' },
    ],
    [
      'a notification takes its era from the header',
      { 'mcp-protocol-version': ['2026-07-28'] },
      message('notifications/x', '{}', null),
      { era: 'modern', version: '2026-07-28' },
    ],
    [
      'a modern notification needs no headers',
      {},
      message('notifications/x', `{"_meta":${claim('2026-07-28')}}`, null),
      { era: 'modern', version: '2026-07-28' },
    ],
    ['initialize', {}, message('initialize', '{"protocolVersion":"2025-11-25"}'), { era: 'legacy' }],
  ])('%s', (_, headers, inspected, era) => {
    expect(checkHeaders(headers, inspected)).toEqual({ ok: true, value: era });
  });
});

describe('headers that do not agree with the body', () => {
  const without = (name: keyof typeof modernHeaders): HeaderLines => ({ ...modernHeaders, [name]: undefined });
  const with_ = (name: keyof typeof modernHeaders, ...values: string[]): HeaderLines => ({
    ...modernHeaders,
    [name]: values,
  });

  it.each<[string, string, number, HeaderLines, ReturnType<typeof message>]>([
    ['no version', 'header_missing', -32020, without('mcp-protocol-version'), modernCall],
    ['no method', 'header_missing', -32020, without('mcp-method'), modernCall],
    ['no name', 'header_missing', -32020, without('mcp-name'), modernCall],
    ['other version', 'header_mismatch', -32020, with_('mcp-protocol-version', '2025-11-25'), modernCall],
    ['other method', 'header_mismatch', -32020, with_('mcp-method', 'tools/list'), modernCall],
    ['method in other case', 'header_mismatch', -32020, with_('mcp-method', 'Tools/Call'), modernCall],
    ['other name', 'header_mismatch', -32020, with_('mcp-name', 'forbidden'), modernCall],
    ['name in other case', 'header_mismatch', -32020, with_('mcp-name', 'Echo'), modernCall],
    ['encoded other name', 'header_mismatch', -32020, with_('mcp-name', '=?base64?Zm9yYmlkZGVu?='), modernCall],
    [
      'sentinel in other case is not one',
      'header_mismatch',
      -32020,
      with_('mcp-name', '=?BASE64?ZWNobw==?='),
      modernCall,
    ],
    ['broken base64', 'header_malformed', -32020, with_('mcp-name', '=?base64?ZWNobw?='), modernCall],
    ['two versions', 'header_duplicate', -32020, with_('mcp-protocol-version', '2026-07-28', '2026-07-28'), modernCall],
    ['two names', 'header_duplicate', -32020, with_('mcp-name', 'echo', 'forbidden'), modernCall],
    [
      'a joined version',
      'header_malformed',
      -32020,
      with_('mcp-protocol-version', '2026-07-28, 2025-11-25'),
      modernCall,
    ],
    [
      'a modern header, a legacy body',
      'version_claim_missing',
      -32602,
      modernHeaders,
      message('tools/call', '{"name":"echo"}'),
    ],
    [
      'initialize under a modern header',
      'header_mismatch',
      -32020,
      { 'mcp-protocol-version': ['2026-07-28'] },
      message('initialize'),
    ],
    [
      'a mirror that lies in legacy traffic',
      'header_mismatch',
      -32600,
      { 'mcp-name': ['echo'] },
      message('tools/call', '{"name":"forbidden"}'),
    ],
    [
      'two versions in legacy traffic',
      'header_duplicate',
      -32600,
      { 'mcp-protocol-version': ['2025-11-25', '2025-06-18'] },
      message('ping'),
    ],
  ])('%s: %s', (_, code, rpcCode, headers, inspected) => {
    const checked = checkHeaders(headers, inspected);
    expect(checked).toMatchObject({ ok: false, reason: { code, rpcCode } });
  });

  it('refuses a response under a modern header', () => {
    const response = inspectRequestBody(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'));
    if (!response.ok) throw new Error('refused');
    expect(checkHeaders({ 'mcp-protocol-version': ['2026-07-28'] }, response.value)).toMatchObject({
      reason: { code: 'modern_response' },
    });
    expect(checkHeaders({}, response.value)).toMatchObject({ ok: true });
  });

  it('does not name values in its sentences', () => {
    const checked = checkHeaders(with_('mcp-name', 'canary'), modernCall);
    expect(checked.ok ? '' : checked.reason.sentence).toBe('The header Mcp-Name does not match the body.');
  });
});

describe('what is let through', () => {
  it('decodes the sentinel before comparing', () => {
    const inspected = message('tools/call', `{"name":"wetter für é","_meta":${claim('2026-07-28')}}`);
    const name = `=?base64?${Buffer.from('wetter für é').toString('base64')}?=`;
    expect(checkHeaders({ ...modernHeaders, 'mcp-name': [name] }, inspected).ok).toBe(true);
  });

  it('ignores optional white space, unknown Mcp-Param headers, and Mcp-Name where nothing mirrors', () => {
    const headers = { ...modernHeaders, 'mcp-name': [' echo\t'], 'mcp-param-region': ['=?base64?!?='] };
    expect(checkHeaders(headers, modernCall).ok).toBe(true);
    const list = message('tools/list', `{"_meta":${claim('2026-07-28')}}`);
    expect(checkHeaders({ ...modernHeaders, 'mcp-method': ['tools/list'] }, list).ok).toBe(true);
  });

  it('does not ask for Mcp-Name where only an extension does', () => {
    const get = message('tasks/get', `{"taskId":"t","_meta":${claim('2026-07-28')}}`);
    const headers = { 'mcp-protocol-version': ['2026-07-28'], 'mcp-method': ['tasks/get'] };
    expect(checkHeaders(headers, get).ok).toBe(true);
    expect(checkHeaders({ ...headers, 'mcp-name': ['u'] }, get).ok).toBe(false);
  });
});

describe('mirrored values', () => {
  it.each([
    ['us-west1', 'us-west1'],
    ['=?base64?SGVsbG8sIOS4lueVjA==?=', 'Hello, 世界'],
    ['=?base64?IHBhZGRlZCA=?=', ' padded '],
    ['=?base64?bGluZTEKbGluZTI=?=', 'line1\nline2'],
    ['=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=', '=?base64?literal?='],
    ['=?base64??=', ''],
    ['=?base64?=', '=?base64?='],
    ['=?base64?77u/YQ==?=', '\ufeffa'],
    ['=?base64?/w==?=', undefined],
    ['=?base64?YQ?=', undefined],
    ['na\u00efve', undefined],
    ['a\u0000b', undefined],
  ])('%s', (value, text) => {
    expect(decodeMirroredValue(value)).toBe(text);
  });
});
