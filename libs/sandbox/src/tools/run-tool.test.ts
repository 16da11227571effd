import { parseToolInput } from '@sallyport/sandbox-tools';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemorySandbox } from '../testing/memory-sandbox.ts';
import { runTool } from './run-tool.ts';

let sandbox: MemorySandbox;
beforeEach(() => {
  sandbox = new MemorySandbox();
});

async function run(tool: string, fields: object, signal = new AbortController().signal) {
  const input = parseToolInput(tool, Buffer.from(JSON.stringify(fields)));
  if (!input.ok) throw new Error(`${input.reason.field}: ${input.reason.problem}`);
  return await runTool(sandbox, input.value, { signal, onOutput: () => undefined });
}

describe('bash', () => {
  it('gives what the command wrote, without escapes, or says that it was nothing', async () => {
    sandbox.answer = () => ({ text: '\u001b[1;31mred\u001b[0m \u001b]0;title\u0007é\n' });
    expect(await run('bash', { command: 'x' })).toEqual({ outcome: 'done', isError: false, text: 'red é\n' });
    sandbox.answer = () => ({});
    expect(await run('bash', { command: 'x' })).toEqual({ outcome: 'done', isError: false, text: '(no output)' });
    expect(sandbox.asked[0]).toMatchObject({ command: 'x', timeoutMs: 120_000 });
  });

  it.each([
    [{ code: 7, text: 'so\n' }, 'done', 'so\n[exit code 7]'],
    [{ code: 7 }, 'done', '[exit code 7]'],
    [{ outcome: 'signal', code: 137 }, 'done', '[ended by signal 9]'],
    [{ outcome: 'oom', code: 137, text: 'a' }, 'done', 'a\n[ended: the memory of the sandbox was used up]'],
    [{ outcome: 'cancelled', code: 143 }, 'cancelled', '[cancelled]'],
  ] as const)('says how the command ended: %j', async (answer, outcome, text) => {
    sandbox.answer = () => answer;
    expect(await run('bash', { command: 'x' })).toEqual({ outcome, isError: true, text });
  });

  it('gives the output so far at a timeout', async () => {
    sandbox.answer = () => ({ outcome: 'timeout', code: 143, text: 'so far\n' });
    const result = await run('bash', { command: 'x', timeout_ms: 50 });
    expect(result).toMatchObject({ outcome: 'timed_out', isError: true });
    expect(result.text).toMatch(/^so far\n\[ended after 50 ms/);
  });

  it('says how much was left out between start and end', async () => {
    sandbox.answer = () => ({ text: 'start', tail: Buffer.from('end'), omittedBytes: 5_000 });
    expect((await run('bash', { command: 'x' })).text).toBe('start\n[… 5000 bytes of output left out …]\nend');
  });

  it('restarts, and then runs the command if there is one', async () => {
    expect(await run('bash', { restart: true })).toMatchObject({ text: 'bash session restarted', isError: false });
    expect(sandbox.asked).toEqual([]);
    sandbox.answer = () => ({ text: 'ok' });
    expect(await run('bash', { restart: true, command: 'x' })).toMatchObject({ text: 'ok' });
    expect(sandbox.restarts).toBe(2);
  });
});

describe('read', () => {
  it.each([
    [undefined, 'a\nb\nc\n'],
    [[1, 1], 'a'],
    [[2, 3], 'b\nc'],
    [[2, -1], 'b\nc'],
    [[2, 0], 'b\nc'],
    [[3, 99], 'c'],
  ])('gives the lines %j', async (view_range, text) => {
    sandbox.put('/workspace/f', 'a\nb\nc\n');
    expect(await run('read', { file_path: 'f', view_range })).toEqual({ outcome: 'done', isError: false, text });
  });

  it('finds lines far into a large file', async () => {
    sandbox.put('/workspace/f', Array.from({ length: 600_000 }, (_, index) => `line ${index + 1}`).join('\n'));
    expect((await run('read', { file_path: 'f', view_range: [599_999, 600_000] })).text).toBe(
      'line 599999\nline 600000',
    );
    expect(await run('read', { file_path: 'f', view_range: [600_001, 600_002] })).toMatchObject({ isError: true });
  });

  it('cuts after 256 KiB, and says so', async () => {
    sandbox.put('/workspace/f', 'x'.repeat(300_000));
    for (const view_range of [undefined, [1, -1]]) {
      const { text } = await run('read', { file_path: 'f', view_range });
      expect(text.length).toBeLessThan(263_000);
      expect(text).toMatch(/x\n\[… .*262144/);
    }
  });

  it('says what a binary file is, and why a file cannot be read', async () => {
    sandbox.put('/workspace/b', Uint8Array.of(1, 0, 2));
    expect(await run('read', { file_path: 'b' })).toMatchObject({
      isError: true,
      text: '/workspace/b: a binary file of 3 bytes; read shows text only',
    });
    expect(await run('read', { file_path: 'none' })).toMatchObject({
      isError: true,
      text: '/workspace/none: there is no such file or folder',
    });
    expect((await run('read', { file_path: '/etc/passwd' })).text).toContain('outside of /workspace and /tmp');
  });
});

describe('write and edit', () => {
  it('writes bytes, and counts them', async () => {
    expect(await run('write', { file_path: 'a/é', content: 'é\n' })).toMatchObject({
      text: 'wrote 3 bytes to /workspace/a/é',
      isError: false,
    });
    expect(sandbox.text('/workspace/a/é')).toBe('é\n');
    expect(await run('write', { file_path: '/full/x', content: '' })).toMatchObject({
      isError: true,
      text: '/full/x: no space is left',
    });
  });

  it('replaces what is there once, or all of it', async () => {
    sandbox.put('/workspace/f', '\ufeffone two two $&');
    expect(await run('edit', { file_path: 'f', old_string: 'one', new_string: "$& $' $1" })).toMatchObject({
      isError: false,
    });
    expect(await run('edit', { file_path: 'f', old_string: 'two', new_string: '2' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('2 times'),
    });
    expect(await run('edit', { file_path: 'f', old_string: 'two', new_string: '', replace_all: true })).toMatchObject({
      text: 'replaced 2 occurrences in /workspace/f',
    });
    expect(sandbox.text('/workspace/f')).toBe("\ufeff$& $' $1   $&");
  });

  it('refuses to damage a file', async () => {
    sandbox.put('/workspace/f', Uint8Array.of(0x61, 0xff));
    sandbox.put('/workspace/large', 'a'.repeat(2 * 1024 * 1024 + 1));
    for (const file_path of ['f', 'large', 'none'])
      expect(await run('edit', { file_path, old_string: 'a', new_string: 'b' })).toMatchObject({ isError: true });
    expect(await run('edit', { file_path: 'large', old_string: 'x', new_string: 'y' })).toMatchObject({
      isError: true,
    });
    expect(sandbox.files.get('/workspace/f')?.data).toEqual(Uint8Array.of(0x61, 0xff));
  });
});

describe('glob and grep', () => {
  it('lists the newest first, 200 of them', async () => {
    for (let number = 0; number < 250; number++) sandbox.put(`/workspace/d/f${number}.ts`, '', number);
    sandbox.put('/workspace/other.md', '');
    const lines = (await run('glob', { pattern: '**/*.ts' })).text.split('\n');
    expect(lines).toHaveLength(201);
    expect([lines[0], lines[199], lines[200]]).toEqual([
      '/workspace/d/f249.ts',
      '/workspace/d/f50.ts',
      '[… 50 more …]',
    ]);
    expect((await run('glob', { pattern: 'f1?.ts', path: 'd/' })).text.split('\n')).toHaveLength(10);
    expect(await run('glob', { pattern: '*.none' })).toMatchObject({
      text: 'no files fit the pattern',
      isError: false,
    });
    expect(await run('glob', { pattern: '{a,b}'.repeat(40) })).toMatchObject({ isError: true });
  });

  it('greps with what is there', async () => {
    sandbox.put('/workspace/f', 'x');
    sandbox.answer = (request) =>
      'argv' in request && request.argv[0] === 'rg' ? { code: 127, text: 'no rg' } : { text: '/workspace/f:1:x\n' };
    expect(await run('grep', { pattern: '-x', path: 'f' })).toMatchObject({
      text: '/workspace/f:1:x\n',
      isError: false,
    });
    expect(sandbox.asked[1]).toMatchObject({
      argv: ['grep', '-rnIE', '-e', '-x', '--', '/workspace/f'],
      timeoutMs: 60_000,
    });
    sandbox.answer = () => ({ code: 1 });
    expect(await run('grep', { pattern: 'y', path: 'f' })).toMatchObject({ text: 'no matches', isError: false });
    sandbox.answer = () => ({ code: 2, text: 'grep: Unmatched (' });
    expect(await run('grep', { pattern: '(', path: 'f' })).toMatchObject({ isError: true });
    expect(await run('grep', { pattern: 'y', path: '/etc' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('outside'),
    });
  });
});

describe('a call that was cancelled', () => {
  it('goes no further, and changes nothing', async () => {
    sandbox.put('/workspace/f', 'a\n'.repeat(1_000_000));
    for (let number = 0; number < 20_000; number++) sandbox.put(`/workspace/d/${'a'.repeat(60)}${number}`, '');
    const calls = [
      ['read', { file_path: 'f', view_range: [900_000, 900_001] }],
      ['edit', { file_path: 'f', old_string: 'a', new_string: 'b', replace_all: true }],
      ['glob', { pattern: `${'*a'.repeat(20)}*x`, path: 'd' }],
    ] as const;
    for (const [tool, fields] of calls) {
      const cancel = new AbortController();
      const ended = run(tool, fields, cancel.signal);
      cancel.abort();
      expect(await ended).toMatchObject({ outcome: 'cancelled' });
    }
    expect(sandbox.text('/workspace/f')).not.toContain('b');
  });
});
