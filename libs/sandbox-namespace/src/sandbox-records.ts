import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxRef } from '@sallyport/sandbox';
import { removeControlGroups } from './control-groups.ts';
import { launchMark } from './bwrap-arguments.ts';
import { endOrphanedGroup, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const endMsMax = 5_000;

/** What is on the host of one sandbox: enough to remove it after its executor was killed. */
export interface SandboxRecord {
  readonly ref: SandboxRef;
  /** Who made it: while that one lives, nobody else removes it. */
  readonly executor: ProcessIdentity | undefined;
  readonly cgroupDirectories: readonly string[];
  /** Missing until it is started. */
  readonly process?: ProcessIdentity;
}

/** One file for each sandbox, there before anything else of it is. */
export class SandboxRecords {
  readonly #directory: string;

  constructor(stateDir: string) {
    this.#directory = join(stateDir, 'sandboxes');
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
  }

  write(record: SandboxRecord): void {
    const path = this.#path(record.ref.id);
    writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  remove(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  all(): SandboxRecord[] {
    return readdirSync(this.#directory)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => this.#read(join(this.#directory, name)));
  }

  /** Ends what is left of it and removes it. Nothing but its own processes is touched: they are known by start time, or by their group. */
  async reap(id: string): Promise<void> {
    const record = this.#read(this.#path(id))[0];
    if (record === undefined) return;
    if (record.process !== undefined) {
      await end([record.process]);
      endOrphanedGroup(record.process, launchMark);
    }
    await end(record.cgroupDirectories.flatMap(processesOf));
    await removeControlGroups(record.cgroupDirectories);
    this.remove(id);
  }

  #path(id: string): string {
    if (!/^[a-z0-9-]{1,64}$/.test(id)) throw new RangeError('the id of a sandbox is letters, digits and dashes');
    return join(this.#directory, `${id}.json`);
  }

  #read(path: string): SandboxRecord[] {
    try {
      return [JSON.parse(readFileSync(path, 'utf8')) as SandboxRecord];
    } catch {
      return []; // removed meanwhile
    }
  }
}

function processesOf(cgroupDirectory: string): ProcessIdentity[] {
  try {
    return readFileSync(join(cgroupDirectory, 'cgroup.procs'), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && line !== '0')
      .flatMap((line) => identify(Number(line)) ?? []);
  } catch {
    return [];
  }
}

async function end(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const identity of processes) {
    for (const until = Date.now() + endMsMax; isAlive(identity) && Date.now() < until; await sleep(5)) {
      try {
        process.kill(identity.pid, 'SIGKILL');
      } catch {
        break; // ended meanwhile
      }
    }
  }
}
