import assert from 'node:assert/strict';

import { decodeEntryBundle, encodeEntryBundle, leafHash, tileWidth } from '@sallyport/transparency-log';

export const bytesMax = 4096;

/** A bundle of entries: nothing is lost or made up, and the entries are written as they were read. */
export function fuzz(bytes: Uint8Array): void {
  for (const entriesMax of [tileWidth, 3]) {
    const { entries, rest } = decodeEntryBundle(bytes, entriesMax);
    assert.ok(entries.length <= entriesMax && rest >= 0 && rest <= bytes.length);
    const written = encodeEntryBundle(entries);
    assert.ok(written.equals(bytes.subarray(0, bytes.length - rest)), 'other bytes than were read');
    const again = decodeEntryBundle(written, entriesMax);
    assert.deepEqual(
      { entries: again.entries.map(leafHash), rest: again.rest },
      { entries: entries.map(leafHash), rest: 0 },
    );
    if (entries.length < entriesMax && rest >= 2) {
      const length = Buffer.from(bytes).readUInt16BE(bytes.length - rest);
      assert.ok(2 + length > rest, 'stopped before an entry that is whole');
    }
  }
  if (bytes.length <= 64) {
    const entries = Array.from(bytes, (length, at) => Buffer.alloc(length * 7, at));
    const { entries: read, rest } = decodeEntryBundle(encodeEntryBundle(entries));
    assert.equal(rest, 0);
    assert.deepEqual(
      read.map((entry) => Buffer.from(entry)),
      entries,
    );
  }
}
