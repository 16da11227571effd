import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The system user that the server runs as. PostgreSQL refuses to run as root, and needs a user that the system knows by name. */
export interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
}

const userName = 'sallyport-postgres';
const addUserCommands: readonly (readonly [string, readonly string[]])[] = [
  ['useradd', ['--system', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', userName]],
  ['adduser', ['-S', '-D', '-H', '-h', '/nonexistent', '-s', '/sbin/nologin', userName]],
];

/** Undefined where this process is not root and the server runs as ourselves. As root: our system user, made if it is missing, else `nobody`. */
export function findPostgresUser(): PostgresUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const known = readUser(userName);
  if (known !== undefined) return known;
  for (const [command, args] of addUserCommands) {
    try {
      execFileSync(command, args, { stdio: 'ignore', timeout: 10_000 });
    } catch {
      continue; // the other distribution family's command may be there
    }
    const added = readUser(userName);
    if (added !== undefined) return added;
  }
  const nobody = readUser('nobody');
  if (nobody === undefined)
    throw new Error('no system user to run PostgreSQL as: add one with `useradd --system sallyport-postgres`');
  return nobody;
}

function readUser(name: string): PostgresUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
