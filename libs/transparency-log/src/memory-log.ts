import { type ExportFile, exportFiles } from './export-files.ts';
import { signCheckpoint } from './checkpoint.ts';
import { Frontier } from './frontier.ts';
import { hashBytes, leafHash } from './merkle-hash.ts';
import type { NoteSigner } from './note-keys.ts';
import { type HashRun, TileHashes } from './tile-hash-reader.ts';
import { TileLevels } from './tile-levels.ts';
import { LogFiles } from './verify-log.ts';

/** A whole log in memory, for tests: it stores the hashes of every tile level and exports itself. */
export class MemoryLog extends TileHashes {
  readonly entries: Buffer[] = [];
  readonly #levels: Uint8Array[][] = [[]];
  readonly #tileLevels = new TileLevels(0, []);
  readonly #frontier = Frontier.empty();

  append(entry: string): void {
    const bytes = Buffer.from(entry);
    const hash = leafHash(bytes);
    this.entries.push(bytes);
    this.#levels[0]?.push(hash);
    this.#frontier.append(hash);
    for (const completed of this.#tileLevels.append(hash)) (this.#levels[completed.level] ??= []).push(completed.hash);
  }

  root(): Uint8Array {
    return this.#frontier.root();
  }

  override async readRuns(runs: readonly HashRun[]): Promise<readonly Uint8Array[]> {
    return runs.map((run) => Buffer.concat((this.#levels[run.level] ?? []).slice(run.from, run.from + run.count)));
  }

  hashesAt(level: number): number {
    return Buffer.concat(this.#levels[level] ?? []).length / hashBytes;
  }

  async export(signer: NoteSigner): Promise<MemoryFiles> {
    const [size, origin] = [this.entries.length, signer.verifier.name];
    const note = signCheckpoint({ origin, size, root: this.root() }, [signer]);
    const files: ExportFile[] = [];
    for await (const file of exportFiles(size, note, this.#leaves())) files.push(file);
    return new MemoryFiles(files.map((file) => [file.path, Buffer.from(file.data)]));
  }

  async *#leaves() {
    for (const [index, entry] of this.entries.entries())
      yield { entry, hash: this.#levels[0]?.[index] ?? new Uint8Array() };
  }
}

export class MemoryFiles extends LogFiles {
  readonly files: Map<string, Buffer>;

  constructor(files: Iterable<readonly [string, Buffer]>) {
    super();
    this.files = new Map(files);
  }

  override async read(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path);
  }
}
