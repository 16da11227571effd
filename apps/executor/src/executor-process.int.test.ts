import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';
import { executor as wire } from '@sallyport/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { environmentKey, ExecutorBed } from './testing/executor-bed.ts';
import { ExecutorProcess } from './testing/executor-process.ts';
import { type FakeScheduler, idOf } from './testing/fake-scheduler.ts';

let bed: ExecutorBed;
let scheduler: FakeScheduler;
let address: string;
let executor: ExecutorProcess | undefined;

beforeAll(async () => {
  bed = await ExecutorBed.open();
});
afterAll(() => bed.close());
beforeEach(async () => {
  ({ scheduler, address } = await bed.scheduler());
});
afterEach(async ({ task }) => {
  await executor?.kill();
  if (task.result?.state === 'fail') console.error(executor?.stdout, executor?.stderr);
  await scheduler.stop();
});

async function start(
  program: 'fake' | 'real',
  more: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<ExecutorProcess> {
  const environment = await bed.environment(address, { EXECUTOR_LOG_LEVEL: 'debug', ...more });
  const source = program === 'fake' ? 'testing/fake-driver-executor.ts' : 'main.ts';
  executor = new ExecutorProcess(source, environment, args);
  return executor;
}

/** Processes of this host that have the word in their command line. */
function processesWith(word: string): number {
  const lines = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(word)).length;
}

describe('the process of an executor', () => {
  it('that the scheduler refuses for good ends with 1 and one line, without the key', async () => {
    scheduler.refusals = [{ code: status.UNAUTHENTICATED, reason: 'environment_key_unknown' }];
    const process = await start('fake');
    expect(await process.exit).toEqual([1, null]);
    expect(process.stderr).toMatch(/^executor: refused for good \(environment_key_unknown\): [^\n]+\n$/);
    expect(process.stdout + process.stderr).not.toContain(environmentKey);
  });

  it('ends the same way when its key is revoked later, and destroys what it has', async () => {
    const process = await start('fake');
    await scheduler.take('a', 1);
    scheduler.refusals = [{ code: status.UNAUTHENTICATED, reason: 'environment_key_revoked' }];
    scheduler.cut(status.UNAVAILABLE, 'restart');
    expect(await process.exit).toEqual([1, null]);
    expect(process.stderr).toMatch(/^executor: refused for good \(environment_key_revoked\): [^\n]+\n$/);
    expect(process.stdout).toContain('sandbox destroyed');
  });

  it('waits for a scheduler that is not there yet', async () => {
    await scheduler.stop();
    const process = await start('fake');
    await expect.poll(() => process.stdout, { timeout: 15_000 }).toContain('not connected to the scheduler');
    ({ scheduler, address } = await bed.scheduler(address));
    await scheduler.next('credits');
    expect(await process.kill('SIGTERM')).toEqual([0, null]);
  });

  it('finishes its call on SIGTERM, loses its leases and ends with 0', async () => {
    const process = await start('fake');
    await scheduler.take('a', 1);
    scheduler.call('a', 1, 'call_1', 'sleep', { ms: 500, text: 'private-text' });
    await expect.poll(() => scheduler.all('heartbeat').length).toBeGreaterThan(1);
    process.child.kill('SIGTERM');
    expect((await scheduler.answer('call_1')).text).toBe('slept');
    expect((await scheduler.next('sandboxLost')).reason).toBe('executor_stopping');
    expect(await process.exit).toEqual([0, null]);
    expect(scheduler.ended).toBe(1);
    expect(process.stdout).not.toContain('private-text');
  });

  it('that was frozen for longer than a lease ends it before it does anything else', async () => {
    scheduler.registered = { heartbeatMs: 100, leaseMs: 1_000 };
    const process = await start('fake');
    await scheduler.take('a', 1);
    process.child.kill('SIGSTOP');
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'for another' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    process.child.kill('SIGCONT');
    expect(await scheduler.answer('call_1')).toMatchObject({
      outcome: wire.CallOutcome.REFUSED,
      code: 'lease_unknown',
    });
    await expect.poll(() => process.stdout).toContain('sandbox destroyed');
  });

  it('ends with 0 when the scheduler drains it', async () => {
    const process = await start('fake');
    await scheduler.next('credits');
    scheduler.send({ $case: 'drain', value: {} });
    expect(await process.exit).toEqual([0, null]);
    await scheduler.next('draining');
  });

  it.each([
    ['is missing', undefined, 0o600, /cannot be read \(ENOENT\)/],
    ['is open to everybody', environmentKey, 0o644, /chmod 600/],
    ['holds something else', 'sk-not-an-environment-key', 0o600, /holds no environment key/],
  ])('does not start with a key file that %s', async (_, text, mode, problem) => {
    const path = text === undefined ? join(bed.directory, 'none') : bed.file(`key-${mode}-${text.length}`, text, mode);
    const process = await start('fake', { EXECUTOR_ENVIRONMENT_KEY_FILE: path });
    expect(await process.exit).toEqual([78, null]);
    expect(process.stderr).toMatch(problem);
    expect(process.stderr.trimEnd().split('\n')).toHaveLength(1);
    if (text !== undefined) expect(process.stderr).not.toContain(text);
  });

  it('says all that is wrong with its configuration', async () => {
    const process = await start('fake', {
      EXECUTOR_SLOTS: '0',
      EXECUTOR_LABELS: 'no label',
      EXECUTOR_DRIVER: 'docker',
    });
    expect(await process.exit).toEqual([78, null]);
    for (const name of ['EXECUTOR_SLOTS', 'EXECUTOR_LABELS', 'EXECUTOR_DRIVER']) expect(process.stderr).toContain(name);
  });

  it('does not start where the isolation is not proved', async () => {
    const process = await start('real', { PATH: '/nowhere', EXECUTOR_CACHE_DIR: join(bed.directory, 'empty-cache') });
    expect(await process.exit).toEqual([78, null]);
    expect(process.stderr).toMatch(/^executor: isolation_unproved: [^\n]*install bubblewrap[^\n]*\n$/);
  });
});

describe('without proved isolation', () => {
  const weak = { FAKE_UNPROVED: 'network_unreachable' };

  it('an executor does not start, and says which check failed', async () => {
    const process = await start('fake', weak);
    expect(await process.exit).toEqual([78, null]);
    expect(process.stderr).toMatch(/isolation_unproved: .*network_unreachable/);
  });

  it('starts where --insecure-no-isolation was given, says so, and is marked as such', async () => {
    const process = await start('fake', weak, ['--insecure-no-isolation']);
    const { capabilities } = await scheduler.next('register');
    expect(capabilities?.insecureNoIsolation).toBe(true);
    expect(capabilities?.checks.find(({ check }) => check === 'network_unreachable')?.proved).toBe(false);
    await expect.poll(() => process.stdout).toContain('WITHOUT isolation');
    await scheduler.take('a', 1);
    scheduler.call('a', 1, 'call_1', 'echo', { text: 'unprotected' });
    expect((await scheduler.answer('call_1')).text).toBe('unprotected');
  });

  it('and arguments that it does not know it ends with 64 and one line', async () => {
    const process = await start('fake', {}, ['--insecure']);
    expect(await process.exit).toEqual([64, null]);
    expect(process.stderr).toMatch(/^executor: [^\n]*--insecure[^\n]*See --help\.\n$/);
    const help = await start('fake', {}, ['--help']);
    expect(await help.exit).toEqual([0, null]);
    expect(help.stdout).toContain('--insecure-no-isolation');
  });
});

describe('with sandboxes of namespaces', () => {
  it('runs the suite’s tools: output, exit codes, state, cancel, deadline, bad arguments', async () => {
    await start('real');
    const { capabilities } = await scheduler.next('register');
    expect(capabilities?.insecureNoIsolation).toBe(false);
    expect(capabilities?.checks.find(({ check }) => check === 'network_unreachable')?.proved).toBe(true);
    const beganAtMs = performance.now();
    await scheduler.take('a', 1);
    const takenMs = performance.now() - beganAtMs;
    scheduler.call('a', 1, 'call_1', 'bash', {
      command: 'cd /tmp; X=7; echo one; sleep 0.3; echo two; ls /etc/shadow',
    });
    const first = await scheduler.answer('call_1');
    expect(first).toMatchObject({ outcome: wire.CallOutcome.DONE, isError: true });
    expect(first.text).toMatch(/^one\ntwo\n/);
    const output = Buffer.concat(scheduler.all('output').map(({ data }) => data)).toString();
    expect(output).toMatch(/^one\ntwo\n/);
    expect(scheduler.all('output').length).toBeGreaterThan(1);
    scheduler.call('a', 1, 'call_2', 'bash', { command: 'pwd; echo $X; env | grep -c EXECUTOR_' });
    expect((await scheduler.answer('call_2')).text).toMatch(/^\/tmp\n7\n0\n/);
    scheduler.call('a', 1, 'call_3', 'bash', { command: 'echo begun; sleep 60' });
    await scheduler.next('output', ({ callId }) => callId === idOf('call_3'));
    scheduler.cancel('a', 1, 'call_3');
    expect(await scheduler.answer('call_3')).toMatchObject({ outcome: wire.CallOutcome.CANCELLED, code: 'cancelled' });
    scheduler.call('a', 1, 'call_4', 'bash', { command: 'sleep 60' }, 200);
    expect(await scheduler.answer('call_4')).toMatchObject({
      outcome: wire.CallOutcome.TIMED_OUT,
      code: 'deadline_exceeded',
    });
    scheduler.call('a', 1, 'call_5', 'bash', { command: 'sleep 60', timeout_ms: 100 });
    expect(await scheduler.answer('call_5')).toMatchObject({
      outcome: wire.CallOutcome.TIMED_OUT,
      code: 'tool_timeout',
    });
    scheduler.call('a', 1, 'call_6', 'read', { file_path: 7 });
    expect(await scheduler.answer('call_6')).toMatchObject({
      outcome: wire.CallOutcome.REFUSED,
      code: 'invalid_arguments',
    });
    scheduler.call('a', 1, 'call_7', 'write', { file_path: '/workspace/x', content: 'text' });
    expect(await scheduler.answer('call_7')).toMatchObject({ outcome: wire.CallOutcome.DONE, isError: false });
    const calls = 200;
    const loopAtMs = performance.now();
    for (let index = 0; index < calls; index += 1) {
      scheduler.call('a', 1, `call_loop${index}`, 'bash', { command: 'true' });
      await scheduler.answer(`call_loop${index}`);
    }
    const perCallMs = (performance.now() - loopAtMs) / calls;
    console.info(`measured: offer to ready ${takenMs.toFixed(0)} ms, call ${perCallMs.toFixed(1)} ms`);
  });

  it('dies with its sandboxes when it is killed, and the next one sweeps', async () => {
    const process = await start('real');
    await scheduler.take('a', 1);
    scheduler.call('a', 1, 'call_1', 'bash', { command: 'exec -a sallyport-survivor-test sleep 600' });
    await expect.poll(() => processesWith('sallyport-survivor-test'), { timeout: 5_000 }).toBeGreaterThan(0);
    await process.kill('SIGKILL');
    await expect.poll(() => processesWith('sallyport-survivor-test'), { timeout: 5_000 }).toBe(0);
    const next = await start('real');
    await scheduler.next('register', () => true, 2);
    expect(next.stdout).toContain('sandboxes of an earlier process were removed');
    await scheduler.take('a', 2);
    expect(await next.kill('SIGTERM')).toEqual([0, null]);
  });
});
