import { describe, expect, it } from 'vitest';
import { parseToolFields, parseToolInput, toolDefinitions } from './index.ts';

function parsed(name: string, input: unknown) {
  const result = parseToolFields(name, input);
  expect(result).toMatchObject({ ok: true });
  return result.ok ? result.value : undefined;
}

function refused(name: string, input: unknown) {
  const result = parseToolFields(name, input);
  expect(result).toMatchObject({ ok: false });
  return result.ok ? undefined : result.reason;
}

describe('bash', () => {
  it('takes the defaults, and properties it does not know', () => {
    expect(parsed('bash', { command: 'ls', comment: 'why' })).toEqual({
      tool: 'bash',
      command: 'ls',
      restart: false,
      timeoutMs: 120_000,
    });
  });

  it.each([0, -1, 1.5, '5', Number.NaN, 600_001, Number.POSITIVE_INFINITY])('refuses timeout_ms %s', (timeout_ms) => {
    expect(refused('bash', { command: 'ls', timeout_ms })).toEqual({
      field: 'timeout_ms',
      problem: 'timeout_ms must be an integer of milliseconds from 1 to 600000',
    });
  });

  it.each([1, 600_000])('takes timeout_ms %s', (timeout_ms) => {
    expect(parsed('bash', { command: 'ls', timeout_ms })).toMatchObject({ timeoutMs: timeout_ms });
  });

  it('wants a command unless it restarts', () => {
    expect(refused('bash', {})).toMatchObject({ field: 'command' });
    expect(refused('bash', { command: ' \n' })).toMatchObject({ field: 'command' });
    expect(refused('bash', { command: null, restart: false })).toMatchObject({ field: 'command' });
    expect(parsed('bash', { restart: true })).toEqual({ tool: 'bash', restart: true, timeoutMs: 120_000 });
    expect(parsed('bash', { restart: true, command: 'ls' })).toMatchObject({ restart: true, command: 'ls' });
  });

  it('refuses other types, NUL and more than 8 MiB', () => {
    expect(refused('bash', { command: ['ls'] })).toMatchObject({ field: 'command' });
    expect(refused('bash', { command: 'ls', restart: 'yes' })).toMatchObject({ field: 'restart' });
    expect(refused('bash', { command: 'a\0b' })).toMatchObject({ field: 'command' });
    expect(refused('bash', { command: 'é'.repeat(4 * 1024 * 1024 + 1) })).toMatchObject({ field: 'command' });
  });
});

describe('files', () => {
  it('takes a relative path from the workspace', () => {
    expect(parsed('read', { file_path: 'a/b' })).toEqual({ tool: 'read', filePath: '/workspace/a/b' });
    expect(parsed('write', { file_path: '/tmp/x', content: '' })).toEqual({
      tool: 'write',
      filePath: '/tmp/x',
      content: '',
    });
    expect(refused('read', { file_path: '' })).toMatchObject({ field: 'file_path' });
    expect(refused('read', { file_path: 'a\0b' })).toMatchObject({ field: 'file_path' });
    expect(refused('write', { file_path: 'x' })).toMatchObject({ field: 'content' });
  });

  it.each([
    [[1, 5], { start: 1, end: 5 }],
    [[3, -1], { start: 3, end: -1 }],
    [[3, 0], { start: 3, end: 0 }],
  ])('reads the range %j', (view_range, viewRange) => {
    expect(parsed('read', { file_path: 'a', view_range })).toMatchObject({ viewRange });
  });

  it.each([[[0, 5]], [[5, 4]], [[1]], [[1, 2, 3]], ['1-2'], [[1.5, 2]]])('refuses the range %j', (view_range) => {
    expect(refused('read', { file_path: 'a', view_range })).toMatchObject({ field: 'view_range' });
  });

  it('refuses edits that cannot mean anything', () => {
    expect(refused('edit', { file_path: 'a', old_string: '', new_string: 'b' })).toMatchObject({ field: 'old_string' });
    expect(refused('edit', { file_path: 'a', old_string: 'b', new_string: 'b' })).toMatchObject({
      field: 'new_string',
    });
    expect(parsed('edit', { file_path: 'a', old_string: 'b', new_string: '', replace_all: true })).toMatchObject({
      oldString: 'b',
      newString: '',
      replaceAll: true,
    });
  });
});

describe('searches', () => {
  it('searches the workspace', () => {
    expect(parsed('glob', { pattern: '**/*.ts' })).toEqual({ tool: 'glob', pattern: '**/*.ts', path: '/workspace' });
    expect(parsed('grep', { pattern: 'a|b', path: 'src' })).toEqual({
      tool: 'grep',
      pattern: 'a|b',
      path: '/workspace/src',
      timeoutMs: 60_000,
    });
  });

  it.each(['', '/etc/*', '../*', 'a/../../b'])('refuses the glob %j', (pattern) => {
    expect(refused('glob', { pattern })).toMatchObject({ field: 'pattern' });
  });
});

describe('the set', () => {
  it('has a parser for each definition, and none for anything else', () => {
    expect(toolDefinitions.map(({ name }) => name)).toEqual(['bash', 'read', 'write', 'edit', 'glob', 'grep']);
    for (const { name } of toolDefinitions) expect(refused(name, {})?.field).not.toBe('(tool)');
    for (const name of ['web_search', 'constructor', '__proto__', ''])
      expect(refused(name, {})).toMatchObject({ field: '(tool)' });
  });

  it.each([null, [], 'ls', 1])('refuses the input %j', (input) => {
    expect(refused('bash', input)).toMatchObject({ field: '(input)' });
  });

  it('takes JSON as bytes', () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(parseToolInput('bash', bytes('{"command":"é"}'))).toMatchObject({ ok: true, value: { command: 'é' } });
    const noJson = { ok: false, reason: { field: '(input)', problem: 'the arguments are not JSON' } };
    for (const text of ['', '{', '{"command":"ls"}x']) expect(parseToolInput('bash', bytes(text))).toEqual(noJson);
    expect(parseToolInput('bash', Uint8Array.of(0x22, 0xff, 0x22))).toEqual(noJson);
  });

  it('names only fields that the parser reads', () => {
    for (const { name, inputSchema } of toolDefinitions) {
      for (const field of inputSchema.required ?? []) {
        const others = Object.fromEntries(
          (inputSchema.required ?? []).filter((other) => other !== field).map((other) => [other, 'x']),
        );
        expect(refused(name, others), name).toMatchObject({ field });
      }
    }
  });
});
