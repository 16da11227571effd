import { runTool, type Sandbox } from '@sallyport/sandbox';
import { parseToolInput } from '@sallyport/sandbox-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithoutBwrap, type NamespaceBed, openNamespaceBed } from './testing/namespace-bed.ts';

describe.skipIf(isWithoutBwrap())('the tools in namespaces', () => {
  let bed: NamespaceBed;
  let sandbox: Sandbox;
  const { signal } = new AbortController();
  beforeAll(async () => {
    bed = openNamespaceBed();
    const limits = { cpuMillis: 2_000, memoryMib: 256, pids: 128, workspaceMib: 64 };
    sandbox = await bed.driver.create({ key: 'tools', attempt: 1, runtime: '', limits, env: {} }, { signal });
  });
  afterAll(() => bed.close());

  async function run(tool: string, fields: object, streamed: Uint8Array[] = []) {
    const input = parseToolInput(tool, Buffer.from(JSON.stringify(fields)));
    if (!input.ok) throw new Error(`${input.reason.field}: ${input.reason.problem}`);
    return await runTool(sandbox, input.value, { signal, onOutput: (data) => streamed.push(data) });
  }

  it('work on the same files', async () => {
    expect((await run('write', { file_path: 'src/a.txt', content: 'one\ntwo\n' })).text).toBe(
      'wrote 8 bytes to /workspace/src/a.txt',
    );
    expect(await run('edit', { file_path: 'src/a.txt', old_string: 'two', new_string: 'zwei' })).toMatchObject({
      isError: false,
    });
    expect((await run('bash', { command: 'cat src/a.txt; touch -d "1 hour ago" src/old.txt' })).text).toBe(
      'one\nzwei\n',
    );
    expect((await run('read', { file_path: 'src/a.txt', view_range: [2, 2] })).text).toBe('zwei');
    expect((await run('glob', { pattern: '**/*.txt' })).text).toBe('/workspace/src/a.txt\n/workspace/src/old.txt');
    expect((await run('grep', { pattern: 'z(w|x)ei' })).text).toBe('/workspace/src/a.txt:2:zwei\n');
    expect((await run('grep', { pattern: 'none' })).text).toBe('no matches');
  });

  it('are refused outside of the workspace, also by a link that a command has planted', async () => {
    await run('bash', { command: 'ln -s / root; ln -s /proc/1/root proc; ln -s /etc/passwd passwd' });
    for (const file_path of ['root/etc/passwd', 'proc/etc/passwd', 'passwd', '/etc/passwd', '../etc/passwd'])
      expect(await run('read', { file_path })).toMatchObject({ isError: true });
    expect((await run('write', { file_path: 'root/tmp/../usr/x', content: '' })).text).toContain('outside');
    expect(await run('glob', { pattern: '*', path: 'root' })).toMatchObject({ isError: true });
    expect(await run('grep', { pattern: 'root', path: 'root/etc' })).toMatchObject({ isError: true });
  });

  it('keep the start and the end of much output, and stream the start', async () => {
    const streamed: Uint8Array[] = [];
    const { text, isError } = await run('bash', { command: 'seq 1000000' }, streamed);
    expect(isError).toBe(false);
    expect(text.length).toBeLessThan(103_000);
    expect(text).toMatch(/^1\n2\n[^]*\[… 6786496 bytes of output left out …\][^]*\n1000000\n$/);
    expect(Buffer.concat(streamed).toString().startsWith('1\n2\n3\n')).toBe(true);
  });

  it('say what became of a command', async () => {
    expect(await run('bash', { command: 'echo so; exit 9' })).toEqual({
      outcome: 'done',
      isError: true,
      text: 'so\n[exit code 9]',
    });
    const late = await run('bash', { command: 'x=kept; echo so; sleep 600', timeout_ms: 150 });
    expect(late).toMatchObject({
      outcome: 'timed_out',
      isError: true,
      text: expect.stringMatching(/^so\n\[ended after 150 ms/),
    });
    expect((await run('bash', { command: 'echo $x' })).text).toBe('kept\n');
    expect((await run('bash', { restart: true, command: 'echo "[$x]"' })).text).toBe('[]\n');
  });
});
