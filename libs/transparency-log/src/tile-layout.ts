/** A full tile holds 256 hashes, a full entry bundle 256 entries (C2SP tlog-tiles). */
export const tileWidth = 256;

/** `level` 0 holds leaf hashes; a hash of level L is the root of 256^L leaves. `width` is 1 to 256; under 256 the tile is partial. */
export interface TileId {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** `tile/<L>/<N>[.p/<W>]`. */
export function tilePath(tile: TileId): string {
  return `tile/${tile.level}/${indexPath(tile.index)}${partialSuffix(tile.width)}`;
}

/** `tile/entries/<N>[.p/<W>]`. */
export function entriesPath(index: number, width: number): string {
  return `tile/entries/${indexPath(index)}${partialSuffix(width)}`;
}

/** How many entries bundle `index` of a tree has: 0 beyond its end. */
export function widthAt(size: number, index: number): number {
  return Math.max(0, Math.min(tileWidth, size - index * tileWidth));
}

/** How many leaves one hash of a tile level covers. */
export function leavesPerHash(level: number): number {
  return tileWidth ** level;
}

/** Exactly the tiles that a tree of this size has, level by level, left to right. The entry bundles are those of level 0. */
export function* tilesOf(size: number): Generator<TileId> {
  let hashes = size;
  for (let level = 0; hashes > 0; level += 1) {
    for (let index = 0; index * tileWidth < hashes; index += 1) yield { level, index, width: widthAt(hashes, index) };
    hashes = Math.floor(hashes / tileWidth);
  }
}

/** Groups of three digits, all but the last with an `x`: 1234067 is `x001/x234/067`. */
function indexPath(index: number): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`no tile index: ${index}`);
  let path = threeDigits(index);
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = `x${threeDigits(rest)}/${path}`;
  return path;
}

function threeDigits(value: number): string {
  return String(value % 1000).padStart(3, '0');
}

function partialSuffix(width: number): string {
  if (!Number.isInteger(width) || width < 1 || width > tileWidth) throw new RangeError(`no tile width: ${width}`);
  return width === tileWidth ? '' : `.p/${width}`;
}
