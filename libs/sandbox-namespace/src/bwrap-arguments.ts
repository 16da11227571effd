import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import type { SandboxLimits } from '@sallyport/sandbox';

const mib = 1024 * 1024;
/** Sizes of the file systems in memory beside `/workspace`. */
export const scratchMib = { tmp: 64, home: 32, shm: 64 } as const;
export const homeDirectory = '/home/agent';
/** Where the agent's binary is, as descriptor: its path need not be reachable for the session's user. */
const agentFd = 9;
const textFdFirst = 10;
/** In the arguments of every bwrap of ours. */
export const launchMark = `/proc/self/fd/${agentFd}\0agent`;

/** What the session sees of `/etc`; the host's is never bound. */
const etcFiles: Readonly<Record<string, string>> = {
  passwd:
    `root:x:0:0:root:/root:/usr/sbin/nologin\nagent:x:1000:1000:agent:${homeDirectory}:/bin/bash\n` +
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
  group: 'root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'resolv.conf': '',
};

export interface Launch {
  readonly agentBinary: string;
  readonly bwrapPath: string;
  readonly limits: SandboxLimits;
  /** The user of the host that the session runs as; undefined: the caller's. */
  readonly uid: number | undefined;
  readonly cgroupDirectories: readonly string[];
  /** Files of the host to show, read-only; the self-test shows some to see them refused. */
  readonly shown?: readonly { readonly from: string; readonly to: string }[];
}

/** Arguments of the agent's binary in its mode `launch`, which becomes bwrap, which becomes the agent. */
export function launchArguments(launch: Launch): string[] {
  const texts = Object.entries(etcFiles).map(([name, text], index) => ({
    name,
    text,
    fd: String(textFdFirst + index),
  }));
  return [
    'launch',
    ...launch.cgroupDirectories.flatMap((directory) => ['--cgroup', directory]),
    ...(launch.uid === undefined ? [] : ['--user', String(launch.uid)]),
    '--self',
    String(agentFd),
    ...texts.flatMap(({ fd, text }) => ['--text', fd, text]),
    '--',
    launch.bwrapPath,
    ...namespaces,
    ...systemMounts(),
    ...texts.flatMap(({ name, fd }) => ['--perms', '0644', '--file', fd, `/etc/${name}`]),
    ...(launch.shown ?? []).flatMap(({ from, to }) => ['--ro-bind', from, to]),
    ...sizedMounts(launch.limits),
    '--remount-ro',
    '/',
    '--chdir',
    '/workspace',
    '--',
    `/proc/self/fd/${agentFd}`,
    'agent',
  ];
}

/** `--unshare-all` alone only tries a user namespace, and `--disable-userns` wants it asked for. */
const namespaces = [
  '--unshare-all',
  '--unshare-user',
  '--uid',
  '1000',
  '--gid',
  '1000',
  '--disable-userns',
  '--assert-userns-disabled',
  '--cap-drop',
  'ALL',
  '--new-session',
  '--die-with-parent',
  '--clearenv',
  '--as-pid-1',
  '--hostname',
  'sandbox',
];

function systemMounts(): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) {
    if (!existsSync(path)) continue;
    if (lstatSync(path).isSymbolicLink()) args.push('--symlink', readlinkSync(path), path);
    else args.push('--ro-bind', path, path);
  }
  args.push('--perms', '0755', '--dir', '/etc');
  // Programs are found through the one, libraries through the other.
  args.push('--ro-bind-try', '/etc/alternatives', '/etc/alternatives');
  args.push('--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache');
  return args;
}

/** All mounts come before their parent is made read-only. */
function sizedMounts(limits: SandboxLimits): string[] {
  const sized = (sizeMib: number, perms: string, path: string) => [
    '--size',
    String(sizeMib * mib),
    '--perms',
    perms,
    '--tmpfs',
    path,
  ];
  return [
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    ...sized(scratchMib.shm, '1777', '/dev/shm'),
    '--remount-ro',
    '/dev',
    ...sized(scratchMib.tmp, '1777', '/tmp'),
    ...sized(limits.workspaceMib, '0755', '/workspace'),
    '--perms',
    '0755',
    '--dir',
    '/home',
    ...sized(scratchMib.home, '0700', homeDirectory),
  ];
}

/** What a sandbox can take of the host's memory: its processes', and its files', which are in memory. */
export function memoryFootprintMib(limits: SandboxLimits): number {
  return limits.memoryMib + limits.workspaceMib + scratchMib.tmp + scratchMib.home + scratchMib.shm;
}
