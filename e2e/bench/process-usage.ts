import { readFileSync } from 'node:fs';

/** A named set of processes: a service, or a server with its children. */
export type ProcessGroups = Readonly<Record<string, () => readonly number[]>>;
export type CpuMs = Readonly<Record<string, ReadonlyMap<number, number>>>;

/** USER_HZ: the unit of /proc/PID/stat on every Linux that Node runs on. */
const ticksPerS = 100;

/** CPU time that each process has used since its start, in ms. */
export function cpuMs(groups: ProcessGroups): CpuMs {
  return Object.fromEntries(
    Object.entries(groups).map(([name, pids]) => [name, new Map(pids().map((pid) => [pid, cpuOf(pid)]))]),
  );
}

/** What each group used between two readings, in ms; a process that began in between counts whole. */
export function cpuBetween(before: CpuMs, after: CpuMs): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(after).map(([name, pids]) => {
      let used = 0;
      for (const [pid, ms] of pids) used += ms - (before[name]?.get(pid) ?? 0);
      return [name, used];
    }),
  );
}

/**
 * Resident memory in MiB. Of several processes their proportional share is counted (PSS), else PostgreSQL's shared buffers would count once for every
 * child.
 */
export function residentMib(groups: ProcessGroups): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, pids]) => {
      const list = pids();
      return [name, list.reduce((sum, pid) => sum + (list.length === 1 ? rssOf(pid) : pssOf(pid)), 0)];
    }),
  );
}

function cpuOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1_000) / ticksPerS;
}

function rssOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
}

function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1_024;
}

/** Empty where the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
