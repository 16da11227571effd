import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Sandbox, sandboxChecks, SandboxLostError } from '@sallyport/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamespaceSandbox } from './namespace-sandbox.ts';
import type { SandboxRecord } from './sandbox-records.ts';
import {
  agentCache,
  isWithoutBwrap,
  type NamespaceBed,
  newStateDirectory,
  openNamespaceBed,
} from './testing/namespace-bed.ts';
import { weakenedBwrap } from './testing/weakened-bwrap.ts';

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const limits = { cpuMillis: 1_000, memoryMib: 64, pids: 64, workspaceMib: 32 };
const output = { headBytes: 65_536, tailBytes: 65_536 };
let keys = 0;

async function open(bed: NamespaceBed): Promise<NamespaceSandbox> {
  keys += 1;
  const spec = { key: `isolation-${keys}`, attempt: 1, runtime: '', limits, env: { TOKEN: 'of the session' } };
  return (await bed.driver.create(spec, { signal })) as NamespaceSandbox;
}

async function shell(sandbox: Sandbox, command: string, timeoutMs = 10_000) {
  const ended = await sandbox.shell({ command, timeoutMs, output }, { signal });
  return { ...ended, text: Buffer.concat([ended.head, ended.tail]).toString() };
}

describe.skipIf(isWithoutBwrap())('the isolation of namespaces', () => {
  let bed: NamespaceBed;
  beforeAll(() => {
    bed = openNamespaceBed();
  });
  afterAll(() => bed.close());

  it.runIf(isRoot)('is proved by the self-test, all of it, in less than three seconds', async () => {
    await (await open(bed)).destroy(); // the agent is compiled
    const started = performance.now();
    const { checks } = await bed.driver.capabilities();
    expect(checks.filter(({ proved }) => !proved)).toEqual([]);
    expect(checks.map(({ check }) => check)).toEqual([...sandboxChecks]);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it.each([
    ['a root that can be written', { from: '--remount-ro /', to: '' }, ['system_read_only'], 'init_survives_kill'],
    [
      "the host's network",
      { from: '--unshare-all', to: '--unshare-pid --unshare-ipc --unshare-uts' },
      ['network_unreachable', 'abstract_sockets_unreachable'],
      'init_survives_kill',
    ],
    [
      "the host's /etc",
      { from: '--proc /proc', to: '--proc /proc --ro-bind /etc /mnt' },
      ['host_files_hidden'],
      'init_survives_kill',
    ],
    [
      'a workspace without a size',
      { from: `--size ${16 * 1024 * 1024} --perms 0755`, to: '--perms 0755' },
      ['workspace_bounded'],
      // It comes before the workspace is filled: one that has all the memory leaves none for what comes later.
      'setsid_children_die',
    ],
  ])('is not proved with %s', async (_, edit, missing, holds) => {
    const weak = weakenedBwrap(edit);
    const weakBed = openNamespaceBed({ bwrapPath: weak.path });
    try {
      const { checks } = await weakBed.driver.capabilities();
      const unproved = checks.filter(({ proved }) => !proved).map(({ check }) => check);
      expect(unproved).toEqual(expect.arrayContaining(missing));
      expect(checks.find(({ check }) => check === holds)?.proved).toBe(true);
    } finally {
      await weakBed.close();
      weak.remove();
    }
  });

  it('refuses a host that cannot do it, and says what to do', async () => {
    const without = openNamespaceBed({ bwrapPath: '/nonexistent/bwrap' });
    await expect(without.driver.capabilities()).rejects.toMatchObject({
      code: 'capability',
      message: expect.stringContaining('install the package bubblewrap'),
    });
    await without.close();
    const failing = openNamespaceBed({ bwrapPath: '/bin/false' });
    await expect(failing.driver.capabilities()).rejects.toMatchObject({ code: 'start_failed' });
    await failing.close();
    const cacheDir = newStateDirectory();
    const uncompiled = openNamespaceBed({ ccPath: '/nonexistent/cc', cacheDir });
    await expect(open(uncompiled)).rejects.toMatchObject({
      code: 'capability',
      message: expect.stringContaining('no C compiler'),
    });
    await uncompiled.close();
    rmSync(cacheDir, { recursive: true });
  });

  it('hides the environment and the memory of the first process', async () => {
    const sandbox = await open(bed);
    const ended = await shell(
      sandbox,
      'cat /proc/1/environ /proc/1/maps /proc/1/mem; ls /proc/1/fd; readlink /proc/1/exe',
    );
    expect(ended.text).not.toMatch(/TOKEN|sallyport/);
    expect(ended.text.match(/denied/gi)).toHaveLength(4);
    await sandbox.destroy();
  });

  it.runIf(isRoot)('gives each session a user and groups of its own, and takes them back', async () => {
    const other = openNamespaceBed();
    const sandboxes = await Promise.all([bed, bed, bed, other, other].map((each) => open(each)));
    const uids = sandboxes.map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(5);
    const seen = sandboxes.map(({ pid }) => /^Uid:\s+(\d+)\s/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    expect(seen).toEqual(uids.map(String));
    const groups = recordsOf(bed).flatMap(({ cgroupDirectories }) => cgroupDirectories);
    expect(groups.length).toBeGreaterThanOrEqual(3);
    for (const group of groups)
      expect(readFileSync(join(group, 'cgroup.procs'), 'utf8').trim().split('\n')).toHaveLength(2);
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    for (const group of groups) expect(existsSync(group)).toBe(false);
    expect(recordsOf(bed)).toEqual([]);
    await other.close();
  });

  it.runIf(isRoot)('ends what takes too much memory, and the next call works', async () => {
    const sandbox = await open(bed);
    expect(await shell(sandbox, 'kept=1; head -c 31M /dev/zero >/workspace/full')).toMatchObject({ outcome: 'exit' });
    const ended = await shell(sandbox, 'head -c 1G /dev/zero | tail');
    expect(ended.outcome).toBe('oom');
    expect((await shell(sandbox, 'echo $kept; stat -c %s /workspace/full')).text).toBe('1\n32505856\n');
    expect(await shell(sandbox, 'exit 3')).toMatchObject({ outcome: 'exit', code: 3 });
    await sandbox.destroy();
  });

  it('says that a sandbox is lost, to whom it may concern', async () => {
    const sandbox = await open(bed);
    const running = shell(sandbox, 'sleep 600', 600_000);
    setTimeout(() => process.kill(sandbox.pid, 'SIGKILL'), 50);
    await expect(running).rejects.toBeInstanceOf(SandboxLostError);
    expect(await sandbox.lost).toContain('SIGKILL');
    await expect(shell(sandbox, 'true')).rejects.toBeInstanceOf(SandboxLostError);
    expect(await bed.driver.list()).toContainEqual(sandbox.ref);
    await sandbox.destroy();
    expect(await bed.driver.list()).toEqual([]);
  });

  it('leaves nothing of an executor that was killed, once its sandboxes are reaped', async () => {
    const stateDir = newStateDirectory();
    const program = fileURLToPath(new URL('testing/doomed-executor.ts', import.meta.url));
    const doomed = spawn(process.execPath, [program, stateDir, agentCache()], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => doomed.stdout.once('data', resolve));
    const successor = openNamespaceBed({ stateDir });
    const records = recordsOf(successor);
    expect(records.map(({ ref }) => ref.key).sort()).toEqual(['one', 'other']);
    // While it lives they are its own.
    expect(await successor.driver.list()).toEqual([]);
    doomed.kill('SIGKILL');
    await expect.poll(async () => (await successor.driver.list()).length, { timeout: 5_000 }).toBe(2);
    for (const ref of await successor.driver.list()) await successor.driver.reap(ref);
    expect(await successor.driver.list()).toEqual([]);
    for (const { process: identity, cgroupDirectories } of records) {
      expect(existsSync(`/proc/${identity?.pid}`)).toBe(false);
      for (const directory of cgroupDirectories) expect(existsSync(directory)).toBe(false);
    }
    await successor.close();
  });

  it('starts and ends 40 sandboxes at once', async () => {
    const sandboxes = await Promise.all(Array.from({ length: 40 }, () => open(bed)));
    const texts = await Promise.all(sandboxes.map((sandbox, index) => shell(sandbox, `echo ${index}`)));
    expect(texts.map(({ text }) => text)).toEqual(sandboxes.map((_, index) => `${index}\n`));
    await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
    expect(await bed.driver.list()).toEqual([]);
  });

  it('keeps the state of shells over timeouts, also where all are busy at once', async () => {
    const busy = [
      'sleep 600 & wait',
      'sleep 600',
      'while :; do :; done',
      'y=$(sleep 600)',
      'while :; do sleep 0.001; done',
    ];
    const wrong = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const sandbox = await open(bed);
        const found: string[] = [];
        for (let turn = 0; turn < 15; turn++) {
          const ended = await shell(sandbox, `turn=${turn}; ${busy[turn % busy.length]}`, 100);
          const { text } = await shell(sandbox, 'echo $turn');
          if (ended.outcome !== 'timeout' || text !== `${turn}\n`) found.push(`${turn}: ${ended.outcome} ${text}`);
        }
        await sandbox.destroy();
        return found;
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });

  it('hears a cancellation that comes together with its call, or at any time after', async () => {
    const sandbox = await open(bed);
    for (let delayMs = 0; delayMs < 12; delayMs += 0.5) {
      const cancel = new AbortController();
      const ended = sandbox.shell({ command: 'sleep 5', timeoutMs: 10_000, output }, { signal: cancel.signal });
      if (delayMs === 0) cancel.abort();
      else setTimeout(() => cancel.abort(), delayMs);
      const startedMs = performance.now();
      expect((await ended).outcome).toBe('cancelled');
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    }
    await sandbox.destroy();
  });

  it('destroys at the second try what it could not destroy at the first', async () => {
    const sandbox = await open(bed);
    const record = join(bed.stateDir, 'sandboxes', `${sandbox.ref.id}.json`);
    const content = readFileSync(record);
    rmSync(record);
    mkdirSync(record); // what cannot be removed as a file
    await expect(sandbox.destroy()).rejects.toThrow('EISDIR');
    rmdirSync(record);
    writeFileSync(record, content);
    await sandbox.destroy();
    expect(existsSync(record)).toBe(false);
  });

  it('opens nothing any more once it is closed', async () => {
    const closed = openNamespaceBed();
    const starting = open(closed);
    const settled = Promise.allSettled([starting]);
    await closed.driver.close();
    await settled;
    expect(await closed.driver.list()).toEqual([]);
    await expect(open(closed)).rejects.toMatchObject({ name: 'SandboxRefusedError' });
    await closed.close();
  });
});

function recordsOf({ stateDir }: NamespaceBed): SandboxRecord[] {
  const directory = join(stateDir, 'sandboxes');
  return readdirSync(directory).map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as SandboxRecord);
}
