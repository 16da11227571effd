import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findPostgresUser, type PostgresUser } from './postgres-user.ts';
import { copyServerBinaries } from './server-binaries.ts';

export interface EmbeddedPostgresOptions {
  /** Holds binaries, data and socket. Must be enterable by the server's user: not below a 0700 home when run as root. */
  readonly directory: string;
  /** The password of the superuser `postgres`; taken at the first start only. */
  readonly superuserPassword: string;
  /** Where the socket is, made if missing; the caller keeps it short. Default: below `directory`, or a new temporary one where that is too long. */
  readonly socketDirectory?: string;
  /** More settings of `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of the server's log. */
  readonly onLog?: (line: string) => void;
}

const port = 5432;
const startMsMax = 60_000;
const stopMsMax = 20_000;
/** `sun_path` of unix(7) has 108 bytes with the final NUL. */
const socketPathBytesMax = 107;
const execFileAsync = promisify(execFile);

/** A real PostgreSQL server of our own on a unix socket: no TCP port, every role with a SCRAM password. */
export class EmbeddedPostgres {
  readonly socketDirectory: string;
  /** Resolves with a sentence when the server has ended, asked or not. */
  readonly ended: Promise<string>;
  readonly #server: ChildProcess;
  readonly #temporarySocketDirectory: boolean;

  private constructor(server: ChildProcess, socketDirectory: string, temporarySocketDirectory: boolean) {
    this.#server = server;
    this.socketDirectory = socketDirectory;
    this.#temporarySocketDirectory = temporarySocketDirectory;
    this.ended = new Promise((resolve) => {
      server.once('exit', (code, signal) => resolve(`PostgreSQL ended with ${signal ?? `code ${code}`}`));
      server.once('error', (error) => resolve(`PostgreSQL could not be started: ${error.message}`));
    });
  }

  /** Initialises the data directory at the first start, ends a server that an earlier process left behind, and waits until it answers. */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const user = findPostgresUser();
    const home = copyServerBinaries(join(options.directory, 'postgresql'));
    const data = join(options.directory, 'postgresql', 'data');
    if (!existsSync(join(data, 'PG_VERSION'))) await initialise(home, data, options.superuserPassword, user);
    else await endLeftBehind(data);
    const socket = makeSocketDirectory(options.socketDirectory, join(options.directory, 'postgresql', 'run'), user);
    const settings = { ...defaultSettings, ...options.settings, unix_socket_directories: socket.directory };
    const server = spawn(
      join(home, 'bin', 'postgres'),
      ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        cwd: '/',
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
        ...user,
      },
    );
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n')) if (line !== '') options.onLog?.(line);
      });
    }
    const postgres = new EmbeddedPostgres(server, socket.directory, socket.temporary);
    await postgres.#ready();
    return postgres;
  }

  /** `postgresql://role@localhost/database?host=…`, without a password. */
  url(role: string, database: string): string {
    return `postgresql://${role}@localhost:${port}/${database}?host=${encodeURIComponent(this.socketDirectory)}`;
  }

  get pid(): number {
    return this.#server.pid ?? 0;
  }

  /** Fast shutdown: open transactions are rolled back. Kills the server where that takes longer than 20 s. */
  async stop(): Promise<void> {
    this.#server.kill('SIGINT');
    const timer = setTimeout(() => this.#server.kill('SIGKILL'), stopMsMax);
    await this.ended;
    clearTimeout(timer);
    if (this.#temporarySocketDirectory) rmSync(this.socketDirectory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    let over: string | undefined;
    void this.ended.then((sentence) => (over = sentence));
    for (const until = Date.now() + startMsMax; Date.now() < until; await sleep(25)) {
      if (over !== undefined) throw new Error(over);
      if (await answers(join(this.socketDirectory, `.s.PGSQL.${port}`))) return;
    }
    this.#server.kill('SIGKILL');
    throw new Error(`PostgreSQL did not answer within ${startMsMax / 1000} s`);
  }
}

const defaultSettings = {
  listen_addresses: '',
  port: String(port),
  unix_socket_permissions: '0770',
  password_encryption: 'scram-sha-256',
  max_connections: '100',
  shared_buffers: '128MB',
  log_min_messages: 'warning',
  wal_compression: 'on',
};

async function initialise(home: string, data: string, password: string, user: PostgresUser | undefined): Promise<void> {
  rmSync(data, { recursive: true, force: true }); // what is there without PG_VERSION is a broken first start
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user !== undefined) for (const path of [data, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    const args = [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-instructions',
    ];
    await execFileAsync(join(home, 'bin', 'initdb'), args, {
      cwd: '/',
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      ...user,
    });
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    const said =
      error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : String(error);
    throw new Error(`PostgreSQL could not make its data directory ${data}: ${said}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Ends the server that a killed process left behind on `directory` (an option of `start`), where there is one. */
export function endPostgresLeftBehind(directory: string): Promise<void> {
  return endLeftBehind(join(directory, 'postgresql', 'data'));
}

/** After `kill -9` of its parent a server goes on running on the data directory; a second one would refuse to start. */
async function endLeftBehind(data: string): Promise<void> {
  const pidFile = join(data, 'postmaster.pid');
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const belongsToUs = () => {
    try {
      return Number.isInteger(pid) && pid > 1 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data);
    } catch {
      return false;
    }
  };
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    if (!belongsToUs()) return;
    process.kill(pid, signal);
    for (const until = Date.now() + stopMsMax / 2; belongsToUs() && Date.now() < until;) await sleep(50);
  }
}

function makeSocketDirectory(
  given: string | undefined,
  preferred: string,
  user: PostgresUser | undefined,
): { directory: string; temporary: boolean } {
  const temporary = given === undefined && Buffer.byteLength(`${preferred}/.s.PGSQL.${port}`) > socketPathBytesMax;
  const directory = given ?? (temporary ? mkdtempSync(join(tmpdir(), 'sallyport-')) : preferred);
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o700);
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  return { directory, temporary };
}

/** A server that is still starting refuses the start-up packet with an error; one that is ready asks for the password. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('connect', () => socket.write(startupPacket));
    socket.once('data', (data) => done(data[0] === authenticationRequest));
    socket.once('close', () => done(false));
  });
}

const authenticationRequest = 'R'.charCodeAt(0);
/** StartupMessage of protocol 3.0: length, version, name and value of each parameter, a final NUL. */
const startupPacket = ((): Buffer => {
  const body = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
})();
