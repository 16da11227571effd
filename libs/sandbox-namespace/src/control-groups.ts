import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelCounter } from './kernel-counter.ts';

export interface GroupLimits {
  readonly cpuMillis: number;
  readonly memoryMib: number;
  readonly processes: number;
}

const controllers = ['pids', 'memory', 'cpu'] as const;
type Controller = (typeof controllers)[number];

const periodUs = 100_000;
const mib = 1024 * 1024;
const removeMsMax = 5_000;
/** The group that the executor moves to, since a group of version 2 with processes of its own cannot limit groups below it. */
const executorGroup = 'sallyport-executor';

/** The group of one sandbox, in as many hierarchies as there are. */
export interface ControlGroup {
  readonly directories: readonly string[];
  /** How many processes the kernel has ended for want of memory. */
  readonly oomKills: () => number;
  /** How often the group had to wait for its share of the processor. */
  readonly throttled: () => number;
  /** The counters stay at 0 from now on. */
  readonly close: () => void;
}

export type Detected =
  | { readonly ok: true; readonly value: ControlGroups }
  | { readonly ok: false; readonly reason: string };

/** Control groups below our own: version 2 where its controllers are there, else version 1. */
export class ControlGroups {
  readonly version: 1 | 2;
  /** The directory of ours by controller; the same for all in version 2. */
  readonly #own: Readonly<Record<Controller, string>>;

  private constructor(version: 1 | 2, own: Readonly<Record<Controller, string>>) {
    this.version = version;
    this.#own = own;
  }

  /** Makes and removes a group to see that it may, unless that is no matter. */
  static detect(procSelf = '/proc/self', { isTrial = true } = {}): Detected {
    const places = readPlaces(procSelf);
    const reasons: string[] = [];
    for (const open of [openVersion2, openVersion1]) {
      const own = open(places);
      if (typeof own === 'string') {
        reasons.push(own);
        continue;
      }
      const groups = new ControlGroups(open === openVersion2 ? 2 : 1, own);
      try {
        if (isTrial) groups.#tryOut();
        return { ok: true, value: groups };
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { ok: false, reason: reasons.join('; ') };
  }

  #tryOut(): void {
    const trial = { cpuMillis: 1_000, memoryMib: 64, processes: 16 };
    const group = this.create(`sallyport-trial-${process.pid}`, trial);
    group.close();
    for (const directory of group.directories) rmdirSync(directory);
  }

  /** Where the group of that name is, or will be. */
  directories(name: string): string[] {
    return [...new Set(Object.values(this.#own))].map((parent) => join(parent, name));
  }

  create(name: string, limits: GroupLimits): ControlGroup {
    const directories: string[] = [];
    try {
      for (const directory of this.directories(name)) {
        mkdirSync(directory);
        directories.push(directory);
      }
      for (const [file, value] of this.#settings(name, limits)) writeFileSync(file, value);
    } catch (error) {
      for (const directory of directories) rmdirSync(directory);
      throw error;
    }
    const memoryFile = this.version === 2 ? 'memory.events' : 'memory.oom_control';
    const oomKills = new KernelCounter(join(this.#own.memory, name, memoryFile), 'oom_kill');
    const throttled = new KernelCounter(join(this.#own.cpu, name, 'cpu.stat'), 'nr_throttled');
    return {
      directories,
      oomKills: () => oomKills.read(),
      throttled: () => throttled.read(),
      close: () => {
        oomKills.close();
        throttled.close();
      },
    };
  }

  #settings(name: string, limits: GroupLimits): [string, string][] {
    const at = (controller: Controller, file: string) => join(this.#own[controller], name, file);
    const memory = String(limits.memoryMib * mib);
    const quotaUs = String(Math.max(1_000, Math.round((limits.cpuMillis * periodUs) / 1_000)));
    const pids: [string, string] = [at('pids', 'pids.max'), String(limits.processes)];
    const optional = (file: string, value: string): [string, string][] => (existsSync(file) ? [[file, value]] : []);
    if (this.version === 2) {
      return [
        pids,
        [at('memory', 'memory.max'), memory],
        ...optional(at('memory', 'memory.swap.max'), '0'),
        [at('cpu', 'cpu.max'), `${quotaUs} ${periodUs}`],
      ];
    }
    return [
      pids,
      [at('memory', 'memory.limit_in_bytes'), memory],
      ...optional(at('memory', 'memory.memsw.limit_in_bytes'), memory),
      [at('cpu', 'cpu.cfs_period_us'), String(periodUs)],
      [at('cpu', 'cpu.cfs_quota_us'), quotaUs],
    ];
  }
}

/** Waits for the last process to be gone from it: up to 5 s. */
export async function removeControlGroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (const until = Date.now() + removeMsMax; ; await sleep(5)) {
      try {
        rmdirSync(directory);
        break;
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOENT') break;
        if (code !== 'EBUSY' || Date.now() > until) throw error;
      }
    }
  }
}

interface Places {
  /** Path of our group by controller; `''` is version 2. */
  readonly paths: ReadonlyMap<string, string>;
  readonly mounts: readonly {
    readonly root: string;
    readonly at: string;
    readonly type: string;
    readonly options: string[];
  }[];
}

function readPlaces(procSelf: string): Places {
  const paths = new Map<string, string>();
  for (const line of readFileSync(join(procSelf, 'cgroup'), 'utf8').split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    for (const name of names.split(',')) paths.set(name, path);
  }
  const mounts = readFileSync(join(procSelf, 'mountinfo'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, root, at, type, options] = /^\S+ \S+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line) ?? [];
      if (root === undefined || at === undefined || type === undefined || options === undefined) return [];
      return [{ root, at, type, options: options.split(',') }];
    });
  return { paths, mounts };
}

/** Where our group is, or a sentence that says why there is none. A container may see only a part of the hierarchy. */
function ownDirectory(places: Places, controller: string): string | undefined {
  const path = places.paths.get(controller);
  const mount = places.mounts.find(({ type, options }) =>
    controller === '' ? type === 'cgroup2' : type === 'cgroup' && options.includes(controller),
  );
  if (path === undefined || mount === undefined) return undefined;
  const below = mount.root !== '/' && path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
  const own = join(mount.at, below);
  return existsSync(own) ? own : existsSync(mount.at) ? mount.at : undefined;
}

function openVersion1(places: Places): Record<Controller, string> | string {
  const [pids, memory, cpu] = controllers.map((controller) => ownDirectory(places, controller));
  if (pids === undefined || memory === undefined || cpu === undefined) {
    return 'no control groups of version 1 with pids, memory and cpu';
  }
  return { pids, memory, cpu };
}

function openVersion2(places: Places): Record<Controller, string> | string {
  const place = ownDirectory(places, '');
  if (place === undefined) return 'no control groups of version 2';
  const own = place.endsWith(`/${executorGroup}`) ? dirname(place) : place;
  const offered = readWords(join(own, 'cgroup.controllers'));
  const missing = controllers.filter((controller) => !offered.includes(controller));
  if (missing.length > 0) return `control groups of version 2 without ${missing.join(', ')}`;
  try {
    enable(own);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `control groups of version 2 are not ours to use (delegate them to this process, with no other process in its group): ${why}`;
  }
  return { pids: own, memory: own, cpu: own };
}

function enable(own: string): void {
  const enabled = readWords(join(own, 'cgroup.subtree_control'));
  if (controllers.every((controller) => enabled.includes(controller))) return;
  const wanted = controllers.map((controller) => `+${controller}`).join(' ');
  try {
    writeFileSync(join(own, 'cgroup.subtree_control'), wanted);
  } catch {
    const leaf = join(own, executorGroup);
    if (!existsSync(leaf)) mkdirSync(leaf);
    writeFileSync(join(leaf, 'cgroup.procs'), String(process.pid));
    writeFileSync(join(own, 'cgroup.subtree_control'), wanted);
  }
}

function readWords(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(/\s+/) : [];
}
