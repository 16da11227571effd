import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export const logBytesMax = 20 * 1024 * 1024;

/** What a service writes, in a file of at most `bytesMax` and one older file of the same size. A full disk loses lines, never the service. */
export class LogFile {
  readonly path: string;
  readonly #bytesMax: number;
  #file: number;
  #bytes: number;
  #closed = false;

  constructor(path: string, bytesMax: number = logBytesMax) {
    this.path = path;
    this.#bytesMax = bytesMax;
    this.#file = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#file).size;
  }

  write(chunk: Uint8Array): void {
    if (this.#closed) return;
    try {
      if (this.#bytes + chunk.length > this.#bytesMax) this.#rotate();
      this.#bytes += writeSync(this.#file, chunk);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
  }

  #rotate(): void {
    renameSync(this.path, `${this.path}.1`);
    closeSync(this.#file);
    this.#file = openSync(this.path, 'a', 0o600);
    this.#bytes = 0;
  }
}
