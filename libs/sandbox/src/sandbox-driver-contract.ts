import { type Bed, bedOf, never, type TestRunner } from './sandbox-contract-bed.ts';
import { type Sandbox, type SandboxDriver, SandboxLostError, type SandboxSpec } from './sandbox-driver.ts';
import { sandboxFilesContract } from './sandbox-files-contract.ts';
import { sandboxShellContract } from './sandbox-shell-contract.ts';

/** What a driver's test opens for the suite. */
export interface DriverUnderTest {
  readonly driver: SandboxDriver;
  close(): Promise<void>;
}

const limits = { cpuMillis: 2_000, memoryMib: 256, pids: 128, workspaceMib: 64 };
let keys = 0;

function specOf(changes: Partial<SandboxSpec> = {}): SandboxSpec {
  keys += 1;
  return { key: `contract-${keys}`, attempt: 1, runtime: '', limits, env: { CONTRACT: 'of the spec' }, ...changes };
}

/** What every driver promises. */
export function sandboxDriverContract(
  runner: TestRunner,
  name: string,
  openDriver: () => Promise<DriverUnderTest>,
): void {
  const { describe, beforeAll, afterAll } = runner;
  describe(`a sandbox driver (${name})`, () => {
    let open: DriverUnderTest;
    let shared: Sandbox;
    const bed = bedOf(() => shared);
    beforeAll(async () => {
      open = await openDriver();
      shared = await open.driver.create(specOf(), { signal: never });
    });
    afterAll(async () => {
      await shared.destroy();
      await open.close();
    });
    lifeContract(runner, () => open.driver);
    callContract(runner, bed);
    endContract(runner, bed);
    sandboxShellContract(runner, bed);
    sandboxFilesContract(runner, bed);
  });
}

function lifeContract({ describe, it, expect }: TestRunner, driver: () => SandboxDriver): void {
  describe('its sandboxes', () => {
    it('are listed while they are there, end once, and stay ended', async () => {
      const sandbox = await driver().create(specOf(), { signal: never });
      expect(await driver().list()).toContainEqual(sandbox.ref);
      await Promise.all([sandbox.destroy(), sandbox.destroy()]);
      await sandbox.destroy();
      await driver().reap(sandbox.ref);
      expect(await driver().list()).not.toContainEqual(sandbox.ref);
      const { shell } = bedOf(() => sandbox);
      await expect(shell('true')).rejects.toBeInstanceOf(SandboxLostError);
    });

    it('share nothing', async () => {
      const [one, other] = await Promise.all([
        driver().create(specOf(), { signal: never }),
        driver().create(specOf(), { signal: never }),
      ]);
      const [inOne, inOther] = [bedOf(() => one), bedOf(() => other)];
      await inOne.shell('echo secret >/workspace/x; echo secret >/tmp/x; echo secret >/dev/shm/x; x=secret');
      const seen = await inOther.shell('cat /workspace/x /tmp/x /dev/shm/x; echo "[$x]"; ls /workspace /tmp /dev/shm');
      expect(seen.text).not.toContain('secret');
      await Promise.all([one.destroy(), other.destroy()]);
    });

    it('are fenced by attempt: the newer one ends the older, an older one is refused', async () => {
      const key = 'contract-fenced';
      const old = await driver().create(specOf({ key, attempt: 2 }), { signal: never });
      await expect(driver().create(specOf({ key, attempt: 1 }), { signal: never })).rejects.toMatchObject({
        code: 'start_failed',
      });
      const { shell } = bedOf(() => old);
      expect((await shell('echo still')).text).toBe('still\n');
      const young = await driver().create(specOf({ key, attempt: 3 }), { signal: never });
      await expect(shell('true')).rejects.toBeInstanceOf(SandboxLostError);
      await young.destroy();
    });

    it('leave nothing where the start is given up, whenever that is', async () => {
      const before = (await driver().list()).length;
      for (let ms = 0; ms < 20; ms += 0.5) {
        const giveUp = new AbortController();
        setTimeout(() => giveUp.abort(), ms);
        const started = performance.now();
        try {
          const sandbox = await driver().create(specOf(), { signal: giveUp.signal });
          await sandbox.destroy(); // it was faster
        } catch (error) {
          expect(error).toMatchObject({ name: 'SandboxRefusedError' });
        }
        expect(performance.now() - started).toBeLessThan(5_000);
      }
      expect(await driver().list()).toHaveLength(before);
    });

    it('are refused where the limits are out of bounds', async () => {
      for (const wrong of [{ pids: 0 }, { memoryMib: -1 }, { workspaceMib: 1.5 }, { cpuMillis: Number.NaN }]) {
        const created = driver().create(specOf({ limits: { ...limits, ...wrong } }), { signal: never });
        await expect(created).rejects.toMatchObject({ name: 'SandboxRefusedError', code: 'capability' });
      }
    });
  });
}

function callContract({ describe, it, expect }: TestRunner, { exec, shell }: Bed): void {
  describe('a call', () => {
    it('gives the exit code, or the signal', async () => {
      expect(await exec(['true'])).toMatchObject({ outcome: 'exit', code: 0, text: '' });
      expect(await exec(['sh', '-c', 'exit 7'])).toMatchObject({ outcome: 'exit', code: 7 });
      expect(await exec(['sh', '-c', 'kill -9 $$'])).toMatchObject({ outcome: 'signal', code: 137 });
      expect(await exec(['no-such-program'])).toMatchObject({ outcome: 'exit', code: 127 });
      expect(await exec(['/etc/passwd'])).toMatchObject({ outcome: 'exit', code: 126 });
    });

    it('gives standard output and error as one, in order', async () => {
      expect((await exec(['sh', '-c', 'echo a; echo b >&2; echo c'])).text).toBe('a\nb\nc\n');
    });

    it('passes arguments, environment and standard input as they are', async () => {
      expect((await exec(['printf', '%s|', 'a b', '', 'ü"$x'])).text).toBe('a b||ü"$x|');
      expect((await exec(['printenv', 'CONTRACT'])).text).toBe('of the spec\n');
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      const echoed = await exec(['cat'], { stdin: bytes });
      expect(Uint8Array.from(echoed.head)).toEqual(bytes);
      const much = new Uint8Array(3_000_000).fill(0x61);
      expect((await exec(['wc', '-c'], { stdin: much })).text).toBe('3000000\n');
    });

    it('keeps the first and the last bytes of 20 MB, and counts the rest', async () => {
      const streamed: Uint8Array[] = [];
      const ended = await exec(['sh', '-c', 'seq 100000000 | head -c 20000000'], {
        headBytes: 1_000,
        tailBytes: 500,
        onOutput: (data) => streamed.push(data),
      });
      expect(ended).toMatchObject({ outcome: 'exit', omittedBytes: 20_000_000 - 1_500 });
      const reference = await exec(['sh', '-c', 'seq 100000000 | head -c 20000000 | tail -c 500']);
      expect(Buffer.from(ended.tail)).toEqual(Buffer.from(reference.head));
      expect(Buffer.from(ended.head).toString()).toMatch(/^1\n2\n3\n/);
      expect(ended.head).toHaveLength(1_000);
      expect(Buffer.concat(streamed)).toEqual(Buffer.from(ended.head));
    });

    it.each([
      [10, 0, 0],
      [9, 1, 0],
      [0, 0, 10],
      [3, 3, 4],
      [100, 100, 0],
      [0, 10, 0],
    ])('keeps %i bytes of head and %i of tail of ten', async (headBytes, tailBytes, omittedBytes) => {
      const ended = await exec(['printf', '0123456789'], { headBytes, tailBytes });
      const tail = Math.min(tailBytes, 10 - Math.min(headBytes, 10));
      expect(ended).toMatchObject({
        omittedBytes,
        text: `${'0123456789'.slice(0, headBytes)}${'0123456789'.slice(10 - tail)}`,
      });
    });

    it('hands output over as it comes', async () => {
      const arrived: string[] = [];
      const after = new AbortController();
      const ended = await exec(['sh', '-c', 'echo first; sleep 600'], {
        signal: after.signal,
        onOutput: (data) => {
          arrived.push(Buffer.from(data).toString());
          after.abort();
        },
      });
      expect(arrived).toEqual(['first\n']);
      expect(ended).toMatchObject({ outcome: 'cancelled', text: 'first\n' });
    });

    it('runs one after the other, also where they are asked for at once', async () => {
      const texts = await Promise.all([1, 2, 3].map((number) => shell(`sleep 0.0${4 - number}; echo ${number}`)));
      expect(texts.map(({ text }) => text)).toEqual(['1\n', '2\n', '3\n']);
    });
  });
}

function endContract({ describe, it, expect }: TestRunner, { exec, shell }: Bed): void {
  /** Processes beside the first one and the one that asks. */
  const othersLeft = async () =>
    (await exec(['ls', '/proc'])).text.split('\n').filter((name) => /^\d+$/.test(name)).length - 2;
  describe('the end of a call', () => {
    it.each([
      ['background child', 'sleep 600 & echo done'],
      ['child in a session of its own', 'setsid sleep 600 & (setsid setsid sleep 600 &) ; sleep 0.02; echo done'],
      ['child that ignores signals', `(trap '' TERM HUP INT; sleep 600) & echo done`],
      ['child that holds the output', 'nohup sleep 600 >&1 2>&1 & disown; echo done'],
    ])('comes with its main process: a %s neither holds it up nor outlives it', async (_, command) => {
      const started = performance.now();
      expect(await shell(command)).toMatchObject({ outcome: 'exit', code: 0, text: 'done\n' });
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(await othersLeft()).toBe(0);
    });

    it('comes at the time limit, for grandchildren too, with the output so far', async () => {
      const started = performance.now();
      const ended = await exec(['bash', '-c', 'echo so far; bash -c "sleep 600 & setsid sleep 600 & wait"'], {
        timeoutMs: 200,
      });
      expect(ended).toMatchObject({ outcome: 'timeout', text: 'so far\n' });
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(await othersLeft()).toBe(0);
    });

    it('comes with an abort, before or after the start', async () => {
      const late = new AbortController();
      setTimeout(() => late.abort(), 100);
      expect(await shell('echo a; sleep 600', { signal: late.signal })).toMatchObject({
        outcome: 'cancelled',
        text: 'a\n',
      });
      expect(await shell('touch /workspace/started', { signal: AbortSignal.abort() })).toMatchObject({
        outcome: 'cancelled',
      });
      expect(await exec(['ls', '/workspace/started'])).toMatchObject({ code: 2 });
      expect(await othersLeft()).toBe(0);
    });

    it('leaves no zombies of 200 orphans', async () => {
      await exec(['bash', '-c', 'for i in {1..200}; do (: &); done']);
      const zombies = await exec(['bash', '-c', `cat /proc/[0-9]*/stat | grep -c ') Z '`]);
      expect(zombies.text).toBe('0\n');
    });

    it('is survived by the first process, whatever it was sent', async () => {
      await exec(['bash', '-c', 'kill -9 1; kill -STOP 1; kill -9 -1; kill -STOP -1']);
      expect(await exec(['echo', 'here'])).toMatchObject({ text: 'here\n' });
    });

    it('stops a flood of 400 processes, and the next call works', async () => {
      const flood = 'for i in {1..400}; do sleep 600 & done 2>/dev/null; wait';
      const ended = await exec(['bash', '-c', flood], { timeoutMs: 1_500 });
      expect(ended.outcome).not.toBe('cancelled');
      expect(await shell('echo next')).toMatchObject({ outcome: 'exit', text: 'next\n' });
      expect(await othersLeft()).toBe(0);
    });
  });
}
