import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The server below a data directory and its children: the postmaster's pid file names the first, /proc the others. */
export function postgresPids(dataDir: string): readonly number[] {
  const postmaster = Number(readFileSync(findPidFile(dataDir), 'utf8').split('\n')[0]);
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === postmaster);
  return [postmaster, ...children];
}

function findPidFile(dataDir: string): string {
  for (const path of ['postgres/postgresql/data/postmaster.pid', 'postgresql/data/postmaster.pid']) {
    try {
      readFileSync(join(dataDir, path));
      return join(dataDir, path);
    } catch {
      continue;
    }
  }
  throw new Error(`no PostgreSQL runs below ${dataDir}`);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0; // it has ended meanwhile
  }
}
