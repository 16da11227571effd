import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { fail, ok, type Result } from '@sallyport/result';

interface PackageManager {
  readonly command: string;
  /** Commands to run, one after the other. */
  readonly steps: (packages: readonly string[]) => readonly (readonly string[])[];
  readonly packages: Readonly<Record<Need, readonly string[]>>;
}

/** What sandboxes need of the system, by the program that shows whether it is there. */
type Need = 'bwrap' | 'cc' | 'bash';
const needs: readonly Need[] = ['bwrap', 'cc', 'bash'];

/** Debian and its kin, Fedora and its kin, Alpine. */
const managers: readonly PackageManager[] = [
  {
    command: 'apt-get',
    steps: (packages) => [
      ['apt-get', 'update', '-qq'],
      ['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages],
    ],
    packages: { bwrap: ['bubblewrap'], cc: ['gcc', 'libc6-dev'], bash: ['bash'] },
  },
  {
    command: 'dnf',
    steps: (packages) => [['dnf', 'install', '-y', '-q', ...packages]],
    packages: { bwrap: ['bubblewrap'], cc: ['gcc', 'glibc-devel'], bash: ['bash'] },
  },
  {
    command: 'apk',
    steps: (packages) => [['apk', 'add', '-q', ...packages]],
    packages: { bwrap: ['bubblewrap'], cc: ['gcc', 'musl-dev', 'linux-headers'], bash: ['bash'] },
  },
];

const installMsMax = 600_000;
const saidCharactersMax = 400;

export interface Installation {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** Whether the person agrees; asked only where something is to be installed. */
  readonly confirm: (question: string) => Promise<boolean>;
  readonly step: (text: string) => void;
}

/** The programs that sandboxes need and that are not in PATH. */
export function missingForSandboxes(env: Readonly<Record<string, string | undefined>>): readonly Need[] {
  return needs.filter((name) => !isInPath(name, env));
}

/** One line that says what is missing and what to do. */
export function missingSentence(missing: readonly Need[]): string {
  const named = missing.map((name) => (name === 'bwrap' ? 'bubblewrap' : name === 'cc' ? 'a C compiler' : name));
  return `${named.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: start with --install, or install ${missing.length === 1 ? 'it' : 'them'} yourself`;
}

/** Installs what is missing with the package manager of the system. Nothing is done where nothing is missing. */
export async function installForSandboxes(installation: Installation): Promise<Result<void, string>> {
  const { env, uid, confirm, step } = installation;
  const missing = missingForSandboxes(env);
  if (missing.length === 0) return ok(undefined);
  const manager = managers.find(({ command }) => isInPath(command, env));
  if (manager === undefined)
    return fail(
      `--install knows apt-get, dnf and apk, and none is here: install ${missing.join(', ')} yourself, then start again`,
    );
  const packages = missing.flatMap((name) => manager.packages[name]);
  const asRoot = uid === 0 ? [] : ['sudo'];
  if (uid !== 0 && !isInPath('sudo', env))
    return fail(`--install needs root or sudo to install ${packages.join(', ')}: let an administrator do it`);
  if (!(await confirm(`Install ${packages.join(', ')} with ${manager.command}?`)))
    return fail(`nothing was installed; sandboxes need ${packages.join(', ')}`);
  for (const command of manager.steps(packages)) {
    step(`installing ${packages.join(', ')}: ${command.slice(0, 2).join(' ')}`);
    const done = await run([...asRoot, ...command], env);
    if (!done.ok) return done;
  }
  const left = missingForSandboxes(env);
  return left.length === 0
    ? ok(undefined)
    : fail(`${manager.command} has run, but ${left.join(', ')} is still missing`);
}

function run(command: readonly string[], env: Installation['env']): Promise<Result<void, string>> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    let said = '';
    const child = spawn(program, args, {
      env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
      // sudo may ask for a password
      stdio: ['inherit', 'pipe', 'pipe'],
      timeout: installMsMax,
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        said = `${said}${chunk.toString('utf8')}`.slice(-saidCharactersMax);
      });
    child.once('error', (error) => resolve(fail(`${program} could not be run: ${error.message}`)));
    child.once('close', (code, signal) => {
      const last = said.trim().split('\n').at(-1) ?? '';
      resolve(code === 0 ? ok(undefined) : fail(`\`${command.join(' ')}\` ended with ${signal ?? code}: ${last}`));
    });
  });
}

function isInPath(name: string, env: Installation['env']): boolean {
  const places = `${env['PATH'] ?? ''}${delimiter}/usr/local/sbin${delimiter}/usr/sbin${delimiter}/sbin`;
  return places.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder === '' ? '.' : folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
