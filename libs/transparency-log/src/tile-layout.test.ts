import { describe, expect, it } from 'vitest';
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts';
import { entriesPath, tilePath, tilesOf } from './tile-layout.ts';

describe('tile paths', () => {
  it('spells indexes in groups of three digits, as C2SP tlog-tiles does', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067');
    expect(tilePath({ level: 5, index: 0, width: 1 })).toBe('tile/5/000.p/1');
    expect(tilePath({ level: 1, index: 999, width: 255 })).toBe('tile/1/999.p/255');
    expect(entriesPath(1000, 256)).toBe('tile/entries/x001/000');
    expect(entriesPath(273, 112)).toBe('tile/entries/273.p/112');
  });

  it('refuses widths and indexes that no tile has', () => {
    for (const width of [0, 257, -1, 1.5]) expect(() => entriesPath(0, width)).toThrow(RangeError);
    for (const index of [-1, 0.5, 2 ** 53]) expect(() => entriesPath(index, 1)).toThrow(RangeError);
  });

  it('lists exactly the tiles of a tree', () => {
    const paths = (size: number) => Array.from(tilesOf(size), tilePath);
    expect(paths(0)).toEqual([]);
    expect(paths(1)).toEqual(['tile/0/000.p/1']);
    expect(paths(256)).toEqual(['tile/0/000', 'tile/1/000.p/1']);
    expect(paths(257)).toEqual(['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']);
    expect(paths(65_536).slice(-2)).toEqual(['tile/1/000', 'tile/2/000.p/1']);
    // The example of the specification: 70 000 entries.
    expect(paths(70_000)).toHaveLength(274 + 2 + 1);
    expect(paths(70_000).slice(-4)).toEqual(['tile/0/273.p/112', 'tile/1/000', 'tile/1/001.p/17', 'tile/2/000.p/1']);
  });
});

describe('entry bundles', () => {
  const entries = [Buffer.from(''), Buffer.from('a'), Buffer.alloc(65_535, 7)];

  it('writes 16-bit big-endian lengths and reads them back', () => {
    const bytes = encodeEntryBundle(entries);
    expect(bytes.subarray(0, 7).toString('hex')).toBe('0000000161ffff');
    expect(decodeEntryBundle(bytes)).toEqual({ entries, rest: 0 });
  });

  it('refuses too large and too many entries', () => {
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow(RangeError);
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => Buffer.alloc(0)))).toThrow(RangeError);
  });

  it('counts the bytes that make no entry', () => {
    const bytes = encodeEntryBundle(entries);
    expect(decodeEntryBundle(bytes.subarray(0, -1))).toEqual({ entries: entries.slice(0, 2), rest: 65_536 });
    expect(decodeEntryBundle(Buffer.concat([bytes, Buffer.of(0)])).rest).toBe(1);
    expect(decodeEntryBundle(bytes, 2).rest).toBe(65_537);
  });
});
