import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { SandboxRefusedError } from '@sallyport/sandbox';

/** Both ends belong to it. */
export interface UidRange {
  readonly first: number;
  readonly last: number;
}

export const defaultUidRange: UidRange = { first: 2_000_000, last: 2_065_535 };
const blockUids = 256;

interface Block {
  readonly first: number;
  readonly lock: Server;
}

/**
 * Users of the host for sessions: one each, so that neither files nor the kernel's limits of a user are shared. Executors of one host take
 * blocks of the range; a block is held by an abstract socket of its name, which the kernel gives to one process and takes back at its end.
 */
export class SessionUsers {
  readonly #range: UidRange;
  readonly #blocks: Block[] = [];
  readonly #inUse = new Set<number>();
  #next = 0;
  #growing: Promise<void> = Promise.resolve();

  constructor(range: UidRange) {
    if (!Number.isInteger(range.first) || range.first < 1_000 || range.last - range.first < blockUids - 1) {
      throw new SandboxRefusedError('capability', `uidRange must hold at least ${blockUids} users from 1000 upwards`);
    }
    this.#range = range;
  }

  /** A user that no living sandbox has; the one that was given back longest ago comes first. */
  async take(): Promise<number> {
    for (;;) {
      const uid = this.#free();
      if (uid !== undefined) {
        this.#inUse.add(uid);
        return uid;
      }
      const growing = this.#growing.then(() => (this.#hasFree() ? undefined : this.#grow()));
      this.#growing = growing.catch(() => undefined);
      await growing;
    }
  }

  giveBack(uid: number): void {
    this.#inUse.delete(uid);
  }

  async close(): Promise<void> {
    await Promise.all(this.#blocks.splice(0).map(({ lock }) => new Promise((resolve) => lock.close(resolve))));
  }

  #hasFree(): boolean {
    return this.#inUse.size < this.#blocks.length * blockUids;
  }

  #free(): number | undefined {
    const count = this.#blocks.length * blockUids;
    for (let step = 0; step < count; step++) {
      const index = (this.#next + step) % count;
      const block = this.#blocks[Math.floor(index / blockUids)];
      const uid = (block?.first ?? 0) + (index % blockUids);
      if (block === undefined || this.#inUse.has(uid)) continue;
      this.#next = index + 1;
      return uid;
    }
    return undefined;
  }

  async #grow(): Promise<void> {
    const busy = usersOfProcesses();
    for (let first = this.#range.first; first + blockUids - 1 <= this.#range.last; first += blockUids) {
      // What a killed executor left is on its way out; until it is gone its users are not ours.
      if (busy.some((uid) => uid >= first && uid < first + blockUids)) continue;
      const lock = await lockName(`\0sallyport-session-users-${first}`);
      if (lock === undefined) continue;
      this.#blocks.push({ first, lock });
      return;
    }
    throw new SandboxRefusedError(
      'capacity',
      `every block of ${blockUids} users from ${this.#range.first} to ${this.#range.last} is taken by an executor of this host`,
    );
  }
}

function lockName(name: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const lock = createServer((socket) => socket.destroy());
    lock.once('error', () => resolve(undefined));
    lock.listen({ path: name }, () => resolve(lock.unref()));
  });
}

function usersOfProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const uid = /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        return uid === undefined ? [] : [Number(uid)];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}
