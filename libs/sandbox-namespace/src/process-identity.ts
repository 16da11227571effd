import { readdirSync, readFileSync } from 'node:fs';

/** Names a process for ever: numbers are used again, and start times after a reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after the boot. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** Undefined where there is no such process. */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may hold anything; the start time is the 20th after it.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    if (startTicks === undefined) return undefined;
    return { pid, startTicks, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return undefined;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

interface Stat {
  readonly groupId: number;
  readonly command: string;
}

/**
 * Ends what is left of a process group whose leader is gone. bwrap's child has no parent to die with until it is nearly ready: where bwrap is
 * killed before, the child waits for it for ever. `mark` is in the arguments of all of ours, for the case that the number of the group is another's.
 */
export function endOrphanedGroup(leader: ProcessIdentity, mark: string): void {
  if (identify(1)?.bootId !== leader.bootId) return;
  const current = identify(leader.pid);
  if (current !== undefined && current.startTicks !== leader.startTicks) return; // the number is a new process's
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat?.groupId !== leader.pid || !stat.command.includes(mark)) continue;
    try {
      process.kill(Number(name), 'SIGKILL');
    } catch {
      continue; // ended meanwhile
    }
  }
}

function statOf(pid: string): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const groupId = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    return { groupId, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    return undefined;
  }
}
