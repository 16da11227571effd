import { hash } from 'node:crypto';

/** SHA-256 sizes everything in this log. */
export const hashBytes = 32;

/** An entry bundle gives each entry's length in 16 bits (C2SP tlog-tiles). */
export const entryBytesMax = 65_535;

/** Reused between calls: hashing is synchronous, so nobody else can be inside. */
const leafInput = Buffer.alloc(1 + entryBytesMax);
const nodeInput = Buffer.alloc(1 + 2 * hashBytes);
nodeInput[0] = 1;

/** RFC 6962 §2.1: SHA-256(0x00 ‖ entry). Text is taken as UTF-8. Throws RangeError over `entryBytesMax`. */
export function leafHash(entry: Uint8Array | string): Buffer {
  const bytes = typeof entry === 'string' ? Buffer.byteLength(entry) : entry.length;
  if (bytes > entryBytesMax) throw new RangeError(`an entry has at most ${entryBytesMax} bytes, not ${bytes}`);
  if (typeof entry === 'string') leafInput.write(entry, 1, 'utf8');
  else leafInput.set(entry, 1);
  return hash('sha256', leafInput.subarray(0, 1 + bytes), 'buffer');
}

/** RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return hash('sha256', nodeInput, 'buffer');
}

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Buffer {
  return hash('sha256', '', 'buffer');
}

export function sameHash(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
