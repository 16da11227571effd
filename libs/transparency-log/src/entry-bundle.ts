import { entryBytesMax } from './merkle-hash.ts';
import { tileWidth } from './tile-layout.ts';

const lengthBytes = 2;

/** A bundle's bytes: each entry as a 16-bit big-endian length and its bytes. Throws RangeError over 256 entries or 65 535 bytes in one. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length > tileWidth) throw new RangeError(`a bundle has at most ${tileWidth} entries`);
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > entryBytesMax) throw new RangeError(`an entry has at most ${entryBytesMax} bytes`);
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** What a bundle holds. `rest` counts the bytes after the last whole entry: more than 0 means that the bundle is malformed. */
export interface DecodedBundle {
  readonly entries: readonly Uint8Array[];
  readonly rest: number;
}

/** Reads up to `entriesMax` entries; malformed bytes end the list, so that a verifier can still name the entry. */
export function decodeEntryBundle(bytes: Uint8Array, entriesMax: number = tileWidth): DecodedBundle {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length && entries.length < entriesMax) {
    const end = at + lengthBytes + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
    if (end > bytes.length) break;
    entries.push(bytes.subarray(at + lengthBytes, end));
    at = end;
  }
  return { entries, rest: bytes.length - at };
}
