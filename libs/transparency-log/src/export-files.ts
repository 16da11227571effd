import { encodeEntryBundle } from './entry-bundle.ts';
import { hashBytes } from './merkle-hash.ts';
import { rootOf } from './tile-hash-reader.ts';
import { entriesPath, tilePath, tileWidth } from './tile-layout.ts';

/** The file of an export that holds the signed checkpoint. */
export const checkpointPath = 'checkpoint';

/** A leaf as it is stored: the hash goes to the tiles, the bytes to the bundles, so that a changed entry contradicts its tile. */
export interface ExportLeaf {
  readonly hash: Uint8Array;
  readonly entry: Uint8Array;
}

export interface ExportFile {
  /** Below the folder of the log. */
  readonly path: string;
  readonly data: Uint8Array;
}

interface Level {
  readonly hashes: Uint8Array[];
  tiles: number;
}

/**
 * The files that a checkpoint over `size` leaves needs, none else: bundles and tiles while the leaves come, partial ones at the end, then the
 * checkpoint. Throws where the leaves are not `size` many.
 */
export async function* exportFiles(
  size: number,
  checkpointNote: string,
  leaves: AsyncIterable<ExportLeaf>,
): AsyncGenerator<ExportFile> {
  const levels: Level[] = [];
  let entries: Uint8Array[] = [];
  let count = 0;
  for await (const leaf of leaves) {
    entries.push(leaf.entry);
    count += 1;
    if (entries.length === tileWidth) {
      yield bundleFile(count, entries);
      entries = [];
    }
    yield* pushHash(levels, leaf.hash);
  }
  if (count !== size) throw new Error(`the checkpoint covers ${size} leaves, ${count} came`);
  if (entries.length > 0) yield bundleFile(count, entries);
  for (const [level, { hashes, tiles }] of levels.entries())
    if (hashes.length > 0) yield tileFile(level, tiles, hashes);
  yield { path: checkpointPath, data: Buffer.from(checkpointNote) };
}

function* pushHash(levels: Level[], leaf: Uint8Array): Generator<ExportFile> {
  let hash = leaf;
  for (let level = 0; ; level += 1) {
    const at = (levels[level] ??= { hashes: [], tiles: 0 });
    at.hashes.push(hash);
    if (at.hashes.length < tileWidth) return;
    const file = tileFile(level, at.tiles, at.hashes);
    yield file;
    hash = rootOf(file.data);
    at.hashes.length = 0;
    at.tiles += 1;
  }
}

function tileFile(level: number, index: number, hashes: readonly Uint8Array[]): ExportFile {
  const data = Buffer.concat(hashes);
  if (data.length !== hashes.length * hashBytes) throw new Error('a stored hash has another length');
  return { path: tilePath({ level, index, width: hashes.length }), data };
}

function bundleFile(count: number, entries: readonly Uint8Array[]): ExportFile {
  const index = (count - entries.length) / tileWidth;
  return { path: entriesPath(index, entries.length), data: encodeEntryBundle(entries) };
}
