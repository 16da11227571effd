import { linkSync, renameSync, rmSync } from 'node:fs';

import { fail, ok, type Result } from '@sallyport/result';

import { readIfThere, replaceFile } from './atomic-file.ts';
import { formatIdentity, identityOf, lives, parseIdentity } from './process-identity.ts';

export interface SuiteLock {
  release(): void;
}

const attemptsMax = 5;

/** One live suite per data directory. The lock of a process that is gone is taken over. */
export function takeSuiteLock(path: string): Result<SuiteLock, string> {
  const own = identityOf(process.pid) ?? { pid: process.pid, started: '' };
  const mine = `${path}.${process.pid}`;
  replaceFile(mine, formatIdentity(own));
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      if (tryLink(mine, path)) return ok({ release: () => rmSync(path, { force: true }) });
      const text = readIfThere(path);
      const holder = text === undefined ? undefined : parseIdentity(text);
      if (holder !== undefined && lives(holder)) return fail(inUse(path, holder.pid));
      setAside(path, text);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return fail(`the lock ${path} changes hands all the time: try again`);
}

/** The pid of the suite that runs on the directory. */
export function lockHolder(path: string): number | undefined {
  const text = readIfThere(path);
  const holder = text === undefined ? undefined : parseIdentity(text);
  return holder !== undefined && lives(holder) ? holder.pid : undefined;
}

function inUse(path: string, pid: number): string {
  return `a suite is running on this data directory (pid ${pid}, ${path}): stop it, or choose another directory with --data DIR`;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes a dead lock; where another start has replaced it in the meantime, that one's lock is put back. */
function setAside(path: string, expected: string | undefined): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  if (readIfThere(aside) !== expected) tryLink(aside, path);
  rmSync(aside, { force: true });
}
