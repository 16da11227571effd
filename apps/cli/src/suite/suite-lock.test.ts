import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { formatIdentity, identityOf, lives, parseIdentity, waitForEnd } from './process-identity.ts';
import { lockHolder, takeSuiteLock } from './suite-lock.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-lock-'));
  path = join(directory, 'suite.lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const self = () => identityOf(process.pid)!;

describe('the lock of a data directory', () => {
  it('is taken once, and again after its release', () => {
    const first = takeSuiteLock(path);
    expect(first.ok).toBe(true);
    expect(lockHolder(path)).toBe(process.pid);
    const second = takeSuiteLock(path);
    expect(second).toMatchObject({ ok: false });
    expect(second.ok ? '' : second.reason).toContain(`pid ${process.pid}`);
    if (first.ok) first.value.release();
    expect(lockHolder(path)).toBeUndefined();
    expect(takeSuiteLock(path).ok).toBe(true);
    expect(readdirSync(directory)).toEqual(['suite.lock']);
  });

  it.each([
    ['of a process that is gone', () => formatIdentity({ pid: 999_999_999, started: '1' })],
    ['of an earlier process with our pid', () => formatIdentity({ pid: process.pid, started: '1' })],
    ['that says nothing', () => ''],
    ['that is damaged', () => 'nonsense'],
  ])('%s is taken over', (_, text) => {
    writeFileSync(path, text());
    expect(takeSuiteLock(path).ok).toBe(true);
    expect(lockHolder(path)).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(['suite.lock']);
  });
});

describe('the identity of a process', () => {
  it('survives a round trip, and is nobody else', () => {
    expect(parseIdentity(formatIdentity(self()))).toEqual(self());
    expect(lives(self())).toBe(true);
    expect(lives({ ...self(), started: '0' })).toBe(false);
    for (const text of ['', '1', 'a b', '1 2 3', '-1 2']) expect(parseIdentity(text)).toBeUndefined();
  });

  it('ends with the process, also where nobody has reaped it', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const identity = identityOf(child.pid ?? 0)!;
    expect(await waitForEnd(identity, 100)).toBe(false);
    child.kill('SIGKILL');
    expect(await waitForEnd(identity, 5_000)).toBe(true);
  });
});
