import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import type { PostgresUser } from '@sallyport/pg-embedded';
import { fail, ok, type Result } from '@sallyport/result';

import { readIfThere, replaceFile } from './atomic-file.ts';

/** Everything that a suite keeps, below one folder. */
export interface DataDirectory {
  readonly root: string;
  /** Keys and passwords, for their owner alone. */
  readonly secrets: string;
  /** The connector's files, as they would lie on a machine in the private network. */
  readonly connector: string;
  /** What the executor keeps: records of its sandboxes, and the compiled agent, which other users must be able to run. */
  readonly executor: string;
  readonly logs: string;
  /** Pid files. */
  readonly run: string;
  /** Sockets: `run`, or a short temporary folder where paths below `run` would be too long for a socket. */
  readonly sockets: string;
  readonly stateFile: string;
  readonly lockFile: string;
}

/** `sun_path` of unix(7) has 108 bytes, and some room is for the name of the socket. */
const socketDirectoryBytesMax = 80;

export function dataDirectoryDefault(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/var/lib/sallyport';
  const { XDG_STATE_HOME: state, HOME: home = '/' } = env;
  return join(state !== undefined && state.startsWith('/') ? state : join(home, '.local', 'state'), 'sallyport');
}

/** Where the parts are, without looking whether they exist. */
export function dataDirectoryAt(path: string): DataDirectory {
  const root = resolve(path);
  const below = (name: string) => join(root, name);
  return {
    root,
    secrets: below('secrets'),
    connector: below('connector'),
    executor: below('executor'),
    logs: below('logs'),
    run: below('run'),
    sockets: below('run'),
    stateFile: below('suite.json'),
    lockFile: below('suite.lock'),
  };
}

/** Makes what is missing. The reason of a refusal is one line that says what to do. */
export function openDataDirectory(path: string, postgresUser: PostgresUser | undefined): Result<DataDirectory, string> {
  const wanted = dataDirectoryAt(path);
  try {
    makeFolder(wanted.root);
    const directory = dataDirectoryAt(realpathSync(wanted.root));
    if (postgresUser !== undefined) {
      chmodSync(directory.root, (statSync(directory.root).mode & 0o777) | 0o711);
      const closed = firstClosedTo(postgresUser, directory.root);
      if (closed !== undefined)
        return fail(
          `PostgreSQL does not run as root, and its user cannot enter ${closed}: choose another folder with --data DIR, or run \`chmod o+x ${closed}\``,
        );
    }
    for (const part of [directory.secrets, directory.connector, directory.logs])
      mkdirSync(part, { recursive: true, mode: 0o700 });
    for (const part of [directory.run, directory.executor]) mkdirSync(part, { recursive: true, mode: 0o711 });
    const probe = join(directory.run, 'probe');
    writeFileSync(probe, '');
    rmSync(probe);
    return ok(directory);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const why = code === 'ENOSPC' ? 'the disk is full: make room' : `cannot be written (${code})`;
    return fail(`the data directory ${wanted.root} ${why}, or choose another one with --data DIR`);
  }
}

/**
 * The folder for sockets, the same for the life of a suite. A temporary one is remembered in `run/sockets`, so that the next start
 * removes what a killed suite left.
 */
export function openSocketDirectory(directory: DataDirectory): DataDirectory {
  const note = join(directory.run, 'sockets');
  const left = readIfThere(note);
  if (left !== undefined && dirname(left) === tmpdir()) rmSync(left, { recursive: true, force: true });
  rmSync(note, { force: true });
  if (Buffer.byteLength(directory.run) <= socketDirectoryBytesMax) return directory;
  const sockets = mkdtempSync(join(tmpdir(), 'sallyport-'));
  chmodSync(sockets, 0o711);
  replaceFile(note, sockets);
  return { ...directory, sockets };
}

export function closeSocketDirectory(directory: DataDirectory): void {
  if (directory.sockets !== directory.run) rmSync(directory.sockets, { recursive: true, force: true });
  rmSync(join(directory.run, 'sockets'), { force: true });
}

/** With the folders above it. Node's own recursion never ends where a file system such as /proc refuses a name as missing. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o711 });
}

function firstClosedTo(user: PostgresUser, path: string): string | undefined {
  const above = path === '/' ? undefined : firstClosedTo(user, dirname(path));
  if (above !== undefined) return above;
  const { mode, uid, gid } = statSync(path);
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  return (mode & bit) === 0 ? path : undefined;
}
