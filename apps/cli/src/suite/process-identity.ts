import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that no later one can be mistaken for: pids come again, the start time of a pid does not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22); empty where the system has no /proc. */
  readonly started: string;
}

const pollMs = 50;

/** Undefined where no such process lives; a zombie does not. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold any character; fields are counted after it.
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : { pid, started: fields[18] ?? '' };
  } catch {
    if (process.platform === 'linux') return undefined;
  }
  try {
    process.kill(pid, 0);
    return { pid, started: '' };
  } catch {
    return undefined;
  }
}

export function lives(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.started === identity.started;
}

/** The arguments of a process, separated by spaces; empty where they cannot be read. */
export function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** True once the process is gone, false after `waitMs`. */
export async function waitForEnd(identity: ProcessIdentity, waitMs: number): Promise<boolean> {
  for (const until = Date.now() + waitMs; Date.now() < until; await sleep(pollMs)) if (!lives(identity)) return true;
  return !lives(identity);
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = /^(\d{1,10}) (\d{0,20})\n?$/.exec(text);
  return match === null ? undefined : { pid: Number(match[1]), started: match[2] ?? '' };
}

export function formatIdentity({ pid, started }: ProcessIdentity): string {
  return `${pid} ${started}\n`;
}
