import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseToolInput } from '@sallyport/sandbox-tools';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BareDriver } from './bare-driver.ts';
import type { Sandbox } from './sandbox-driver.ts';
import { runTool } from './tools/run-tool.ts';

const { signal } = new AbortController();
const limits = { cpuMillis: 1_000, memoryMib: 64, pids: 64, workspaceMib: 16 };

describe('the driver without isolation', () => {
  let stateDir: string;
  let driver: BareDriver;
  let sandbox: Sandbox;
  beforeEach(async () => {
    stateDir = mkdtempSync(join(tmpdir(), 'sallyport-bare-'));
    driver = new BareDriver(stateDir);
    sandbox = await driver.create({ key: 's', attempt: 1, runtime: 'host', limits, env: { GIVEN: 'x' } }, { signal });
  });
  afterEach(async () => {
    await driver.close();
    rmSync(stateDir, { recursive: true });
  });
  const run = async (tool: string, args: object, abort = signal) => {
    const input = parseToolInput(tool, Buffer.from(JSON.stringify(args)));
    if (!input.ok) throw new Error(input.reason.problem);
    return runTool(sandbox, input.value, { signal: abort, onOutput: () => undefined });
  };

  it('proves nothing, and says so', async () => {
    const { tier, checks } = await driver.capabilities();
    expect(tier).toBe('none');
    expect(checks.filter(({ proved }) => proved)).toEqual([]);
  });

  it('runs the tools, with the state of the shell', async () => {
    await run('bash', { command: 'mkdir -p d; cd d; export A=1; f() { echo "$A $GIVEN"; }' });
    expect(await run('bash', { command: 'f; basename "$PWD"; exit 3' })).toMatchObject({
      text: '1 x\nd\n[exit code 3]',
      isError: true,
    });
    await run('write', { file_path: 'a/b.txt', content: 'one' });
    await run('edit', { file_path: 'a/b.txt', old_string: 'one', new_string: 'two' });
    expect((await run('read', { file_path: '/workspace/a/b.txt' })).text).toBe('two');
    expect((await run('glob', { pattern: '**/*.txt' })).text).toBe('/workspace/a/b.txt');
    expect((await run('bash', { restart: true })).text).toBe('bash session restarted');
    expect((await run('bash', { command: 'echo "[$A]"' })).text).toBe('[]\n');
  });

  it('ends a command at its time limit, at a cancellation and at its own end, with what it has started', async () => {
    expect(await run('bash', { command: 'echo a; sleep 50', timeout_ms: 200 })).toMatchObject({
      outcome: 'timed_out',
      text: expect.stringMatching(/^a\n/),
    });
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(), 100);
    expect((await run('bash', { command: 'sleep 50' }, cancel.signal)).outcome).toBe('cancelled');
    const begunMs = Date.now();
    expect((await run('bash', { command: 'sleep 50 & echo now' })).text).toBe('now\n');
    expect(Date.now() - begunMs).toBeLessThan(5_000);
  });

  it('lets files lead nowhere else, and leaves none', async () => {
    const [id = ''] = readdirSync(stateDir);
    symlinkSync('/etc', join(stateDir, id, 'workspace', 'etc'));
    for (const path of ['etc/passwd', '/etc/passwd', '../../../etc/passwd'])
      expect(await run('read', { file_path: path })).toMatchObject({ isError: true });
    expect(await driver.list()).toEqual([sandbox.ref]);
    await sandbox.destroy();
    expect(existsSync(join(stateDir, id))).toBe(false);
    await expect(run('bash', { command: 'true' })).rejects.toThrow('destroyed');
  });
});
