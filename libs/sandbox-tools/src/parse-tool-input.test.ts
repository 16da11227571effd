import { describe, expect, it } from 'vitest';
import { parseToolInput } from './parse-tool-input.ts';
import { toolDefinitions } from './tool-definitions.ts';

const parse = (tool: string, value: unknown) => parseToolInput(tool, Buffer.from(JSON.stringify(value)));

describe('arguments of tools', () => {
  it('are read with their defaults, and properties that nobody knows pass', () => {
    expect(parse('bash', { command: 'ls', other: 1 })).toEqual({
      ok: true,
      value: { tool: 'bash', command: 'ls', restart: false, timeoutMs: 120_000 },
    });
    expect(parse('bash', { restart: true })).toMatchObject({ ok: true, value: { command: undefined } });
    expect(parse('read', { file_path: 'a/b', view_range: [2, 0] })).toMatchObject({
      ok: true,
      value: { path: '/workspace/a/b', range: [2, 0] },
    });
    expect(parse('glob', { pattern: '**/*.ts' })).toMatchObject({ ok: true, value: { path: '/workspace' } });
    expect(parse('edit', { file_path: '/tmp/x', old_string: 'a', new_string: '' })).toMatchObject({ ok: true });
  });

  it.each([
    ['bash', {}, 'command'],
    ['bash', { command: 'ls', timeout_ms: 0 }, 'timeout_ms'],
    ['bash', { command: 'ls', timeout_ms: -1 }, 'timeout_ms'],
    ['bash', { command: 'ls', timeout_ms: 1.5 }, 'timeout_ms'],
    ['bash', { command: 'ls', timeout_ms: 600_001 }, 'timeout_ms'],
    ['bash', { command: 'a\0b' }, 'command'],
    ['bash', { command: 'x'.repeat(1024 * 1024 + 1) }, 'command'],
    ['bash', { command: 'ls', restart: 'yes' }, 'restart'],
    ['read', {}, 'file_path'],
    ['read', { file_path: '' }, 'file_path'],
    ['read', { file_path: 'a', view_range: [0, 1] }, 'view_range'],
    ['read', { file_path: 'a', view_range: [3, 2] }, 'view_range'],
    ['write', { file_path: 'a' }, 'content'],
    ['write', { file_path: 'a', content: 'x'.repeat(2 * 1024 * 1024 + 1) }, 'content'],
    ['edit', { file_path: 'a', old_string: '', new_string: 'b' }, 'old_string'],
    ['edit', { file_path: 'a', old_string: 'b', new_string: 'b' }, 'new_string'],
    ['glob', { pattern: '/etc/*' }, 'pattern'],
    ['glob', { pattern: '../*' }, 'pattern'],
    ['grep', { pattern: '' }, 'pattern'],
    ['nothing', {}, 'tool'],
    ['bash', [], 'arguments'],
  ])('%s refuses %j at %s', (tool, value, field) => {
    expect(parse(tool, value)).toMatchObject({ ok: false, reason: { field } });
  });

  it('must be JSON in UTF-8', () => {
    expect(parseToolInput('bash', Buffer.from('{"command":'))).toMatchObject({ reason: { field: 'arguments' } });
    expect(parseToolInput('bash', Buffer.from('{"command":"\xff"}', 'latin1'))).toMatchObject({
      reason: { field: 'arguments' },
    });
  });

  it('are described for every tool', () => {
    expect(toolDefinitions.map(({ name }) => name)).toEqual(['bash', 'read', 'write', 'edit', 'glob', 'grep']);
    for (const { inputSchema } of toolDefinitions)
      for (const field of inputSchema.required ?? []) expect(Object.keys(inputSchema.properties)).toContain(field);
  });
});
