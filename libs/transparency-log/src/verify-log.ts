import { type Failure, type Result, fail, ok } from '@sallyport/result';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { decodeEntryBundle } from './entry-bundle.ts';
import { checkpointPath } from './export-files.ts';
import type { ExportFault, ExportFaultCode } from './export-fault.ts';
import { Frontier } from './frontier.ts';
import { hashBytes, leafHash, sameHash } from './merkle-hash.ts';
import type { NoteVerifier } from './note-keys.ts';
import { entriesPath, leavesPerHash, tilePath, tileWidth, widthAt } from './tile-layout.ts';
import { TileLevels } from './tile-levels.ts';

/** The files of one log, by their path below its folder. */
export abstract class LogFiles {
  /** The whole file; undefined where there is none. */
  abstract read(path: string): Promise<Uint8Array | undefined>;
}

export interface LogVerification {
  /** The name of the log's folder; only faults carry it. */
  readonly log: string;
  readonly files: LogFiles;
  readonly verifiers: readonly NoteVerifier[];
  /** An earlier export of the log, which this one must extend. Its checkpoint is enough; its entries help to name the leaf that differs. */
  readonly older?: LogFiles;
}

/**
 * Checks an exported log from its files alone: the checkpoint's signature, every entry against its hash in the level 0 tile, every tile against
 * what lies below it, the root, and that an older export is a prefix. Holds one bundle and a tile of hashes per level in memory.
 */
export async function verifyLog(request: LogVerification): Promise<Result<Checkpoint, ExportFault>> {
  const checkpoint = await readCheckpoint(request);
  if (!checkpoint.ok) return checkpoint;
  const walk = new LogWalk(request, checkpoint.value.size);
  const older = await readOlder(request, checkpoint.value);
  if (!older.ok) return older;
  const fault = await walk.run(older.value?.size);
  if (fault !== undefined) return fail(fault);
  if (!sameHash(walk.root, checkpoint.value.root)) return faultOf(request, 'wrong-root', { path: checkpointPath });
  if (older.value !== undefined && !sameHash(walk.olderRoot, older.value.root)) {
    const leafIndex = await firstDifference(request, older.value.size, checkpoint.value.size);
    return faultOf(request, 'not-an-extension', leafIndex === undefined ? {} : { leafIndex });
  }
  return checkpoint;
}

class LogWalk {
  readonly #request: LogVerification;
  readonly #size: number;
  readonly #frontier = Frontier.empty();
  readonly #levels = new TileLevels(0, []);
  /** Per tile level above 0: the computed hashes that no tile was compared with yet. */
  readonly #computed: { hashes: Uint8Array[]; tiles: number }[] = [];
  #olderRoot: Uint8Array = this.#frontier.root();

  constructor(request: LogVerification, size: number) {
    this.#request = request;
    this.#size = size;
  }

  get root(): Uint8Array {
    return this.#frontier.root();
  }

  get olderRoot(): Uint8Array {
    return this.#olderRoot;
  }

  async run(olderSize: number | undefined): Promise<ExportFault | undefined> {
    for (let index = 0; index * tileWidth < this.#size; index += 1) {
      const fault = await this.#checkBundle(index, olderSize);
      if (fault !== undefined) return fault;
    }
    for (const level of this.#computed.keys()) {
      const fault = await this.#checkTile(level);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  async #checkBundle(index: number, olderSize: number | undefined): Promise<ExportFault | undefined> {
    const width = widthAt(this.#size, index);
    const first = index * tileWidth;
    const paths = { tile: tilePath({ level: 0, index, width }), bundle: entriesPath(index, width) };
    const tile = await this.#request.files.read(paths.tile);
    if (tile === undefined) return this.#fault('missing-file', paths.tile, first, width);
    const bytes = await this.#request.files.read(paths.bundle);
    if (bytes === undefined) return this.#fault('missing-file', paths.bundle, first, width);
    const bundle = decodeEntryBundle(bytes, width);
    for (const [at, entry] of bundle.entries.entries()) {
      const hash = leafHash(entry);
      if (!sameHash(hash, hashAt(tile, at))) return this.#fault('wrong-entry', paths.bundle, first + at);
      const fault = await this.#take(hash, olderSize);
      if (fault !== undefined) return fault;
    }
    const taken = bundle.entries.length;
    if (taken < width || bundle.rest > 0)
      return this.#fault('malformed-bundle', paths.bundle, first + Math.min(taken, width - 1));
    return tile.length === width * hashBytes ? undefined : this.#fault('wrong-tile', paths.tile, first + width - 1);
  }

  async #take(hash: Uint8Array, olderSize: number | undefined): Promise<ExportFault | undefined> {
    this.#frontier.append(hash);
    if (this.#frontier.size === olderSize) this.#olderRoot = this.#frontier.root();
    for (const completed of this.#levels.append(hash)) {
      const level = (this.#computed[completed.level] ??= { hashes: [], tiles: 0 });
      level.hashes.push(completed.hash);
      if (level.hashes.length === tileWidth) {
        const fault = await this.#checkTile(completed.level);
        if (fault !== undefined) return fault;
      }
    }
    return undefined;
  }

  async #checkTile(level: number): Promise<ExportFault | undefined> {
    const computed = this.#computed[level];
    if (computed === undefined || computed.hashes.length === 0) return undefined;
    const [width, each] = [computed.hashes.length, leavesPerHash(level)];
    const path = tilePath({ level, index: computed.tiles, width });
    const first = computed.tiles * tileWidth * each;
    const tile = await this.#request.files.read(path);
    if (tile === undefined) return this.#fault('missing-file', path, first, width * each);
    for (const [at, hash] of computed.hashes.entries())
      if (!sameHash(hash, hashAt(tile, at))) return this.#fault('wrong-tile', path, first + at * each, each);
    if (tile.length !== width * hashBytes) return this.#fault('wrong-tile', path, first + (width - 1) * each, each);
    computed.hashes.length = 0;
    computed.tiles += 1;
    return undefined;
  }

  #fault(code: ExportFaultCode, path: string, leafIndex: number, leafCount = 1): ExportFault {
    return { code, log: this.#request.log, path, leafIndex, leafCount };
  }
}

function hashAt(tile: Uint8Array, at: number): Uint8Array {
  return tile.subarray(at * hashBytes, (at + 1) * hashBytes);
}

async function readCheckpoint(request: LogVerification): Promise<Result<Checkpoint, ExportFault>> {
  const note = await request.files.read(checkpointPath);
  if (note === undefined) return faultOf(request, 'missing-file', { path: checkpointPath });
  const checkpoint = openCheckpoint(note, request.verifiers);
  return checkpoint.ok ? checkpoint : faultOf(request, checkpoint.reason, { path: checkpointPath });
}

async function readOlder(
  request: LogVerification,
  newer: Checkpoint,
): Promise<Result<Checkpoint | undefined, ExportFault>> {
  if (request.older === undefined) return ok(undefined);
  const older = await readCheckpoint({ ...request, files: request.older });
  if (!older.ok || older.value.origin !== newer.origin) return faultOf(request, 'older-checkpoint-refused', {});
  return older.value.size > newer.size ? faultOf(request, 'log-shrank', { leafIndex: newer.size }) : older;
}

/** The first leaf whose bytes differ from the older export's, as far as its bundles are there. */
async function firstDifference(request: LogVerification, olderSize: number, size: number): Promise<number | undefined> {
  for (let index = 0; index * tileWidth < olderSize; index += 1) {
    const width = widthAt(olderSize, index);
    const was = await request.older?.read(entriesPath(index, width));
    const is = await request.files.read(entriesPath(index, widthAt(size, index)));
    if (was === undefined || is === undefined) continue;
    const [before, after] = [decodeEntryBundle(was).entries, decodeEntryBundle(is).entries];
    const at = before.findIndex((entry, place) => !sameHash(entry, after[place] ?? new Uint8Array()));
    if (at >= 0) return index * tileWidth + at;
  }
  return undefined;
}

function faultOf(
  request: LogVerification,
  code: ExportFaultCode,
  where: Pick<ExportFault, 'path' | 'leafIndex'>,
): Failure<ExportFault> {
  return fail({ code, log: request.log, ...where });
}
