import { closeSync, openSync, readSync } from 'node:fs';

const fileBytesMax = 4_096;
const buffer = Buffer.alloc(fileBytesMax);

/**
 * One number of a file of the kernel with a line `name number` each, such as `memory.events`. The file is opened once, for it is read twice
 * in each call. 0 where the kernel does not count, and once the group is gone.
 */
export class KernelCounter {
  readonly #file: string;
  readonly #name: string;
  #descriptor: number | undefined;
  #isClosed = false;

  constructor(file: string, name: string) {
    this.#file = file;
    this.#name = name;
  }

  read(): number {
    if (this.#isClosed) return 0;
    try {
      this.#descriptor ??= openSync(this.#file, 'r');
      const bytes = readSync(this.#descriptor, buffer, 0, fileBytesMax, 0);
      return valueOf(buffer.toString('latin1', 0, bytes), this.#name);
    } catch {
      return 0;
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

function valueOf(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}
