import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { identityOf, waitForEnd } from './process-identity.ts';
import { restartDelayMs, SupervisedProcess } from './supervised-process.ts';

let directory: string;
let started: SupervisedProcess[];
let ended: string[];
let ready: number[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-process-'));
  [started, ended, ready] = [[], [], []];
});
afterEach(async () => {
  await Promise.all(started.map((process) => process.stop(100)));
  rmSync(directory, { recursive: true });
});

const service = `
  const stop = () => process.exit(0);
  process.once('SIGTERM', stop);
  process.once('disconnect', stop);
  process.stdout.write('a line\\n');
  setInterval(() => undefined, 1000);
  process.send({ ready: true });
`;

function processOf(script: string): SupervisedProcess {
  const file = join(directory, 'main.mjs');
  writeFileSync(file, script);
  const process = new SupervisedProcess(
    { name: 'service', script: file, args: [], env: { PATH: '/usr/bin:/bin' }, sockets: [join(directory, 'socket')] },
    { logs: directory, run: directory },
    { ended: (_, why) => ended.push(why), ready: (_, pid) => ready.push(pid) },
  );
  started.push(process);
  return process;
}

describe('a supervised process', () => {
  it('is ready when it says so, writes its log, and ends when it is asked to', async () => {
    const process = processOf(service);
    expect(await process.start()).toEqual({ ok: true, value: undefined });
    expect(readFileSync(join(directory, 'service.pid'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    const identity = identityOf(process.pid)!;
    await expect.poll(() => readFileSync(process.logPath, 'utf8')).toBe('a line\n');
    await process.stop(5_000);
    expect(identityOf(identity.pid)?.started).not.toBe(identity.started);
    expect(readdirSync(directory)).not.toContain('service.pid');
    expect(ended).toEqual([]);
  });

  it('is started again when it dies, and its socket is out of the way', async () => {
    const process = processOf(service);
    await process.start();
    const first = process.pid;
    writeFileSync(join(directory, 'socket'), 'left behind');
    globalThis.process.kill(first, 'SIGKILL');
    await expect.poll(() => ready, { timeout: 5_000 }).toHaveLength(1);
    expect(process.pid).not.toBe(first);
    expect(ended).toEqual(['service ended with SIGKILL']);
    expect(readdirSync(directory)).not.toContain('socket');
  });

  it('is killed when it does not end', async () => {
    const process = processOf(service.replace('const stop = () => process.exit(0)', 'const stop = () => undefined'));
    await process.start();
    const identity = identityOf(process.pid)!;
    await process.stop(200);
    expect(await waitForEnd(identity, 1_000)).toBe(true);
  });

  it('is given up after some attempts, with its own words', async () => {
    const result = await processOf(`process.stderr.write('service: no bread\\n'); process.exit(1)`).start();
    expect(result).toMatchObject({ ok: false });
    expect(result.ok ? '' : result.reason).toMatch(
      /^service ended with code 1: service: no bread \(log: .*service\.log\)$/,
    );
  });

  it('is given up at once where its configuration is wrong', async () => {
    const startedAtMs = Date.now();
    const result = await processOf(`process.exit(78)`).start();
    expect(result.ok).toBe(false);
    expect(Date.now() - startedAtMs).toBeLessThan(2_000);
  });
});

describe('the delay before a restart', () => {
  it('grows from a quarter of a second to ten seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 1_000].map(restartDelayMs)).toEqual([
      250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
    ]);
  });
});
