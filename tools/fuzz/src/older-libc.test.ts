import { describe, expect, it } from 'vitest';

import { forOlderLibc } from './older-libc.ts';

const names = ['', '.dynsym', '.dynstr', '.gnu.version', '.gnu.version_r', 'names'];

interface Section {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Texts one after the other, and where each begins. */
function strings(texts: readonly string[]): { readonly bytes: Buffer; at(text: string): number } {
  const bytes = Buffer.from(`${texts.join('\0')}\0`);
  return { bytes, at: (text) => bytes.indexOf(`${text}\0`) };
}

/** A file with sections and nothing else. */
function elf(sections: readonly Section[]): Buffer {
  const titles = strings(names);
  const all: readonly Section[] = [...sections, { name: 'names', bytes: titles.bytes }];
  const header = Buffer.alloc(64);
  const table = Buffer.alloc(64 * all.length);
  let at = header.length + table.length;
  for (const [index, { name, bytes }] of all.entries()) {
    table.writeUInt32LE(titles.at(name), index * 64);
    table.writeBigUInt64LE(BigInt(at), index * 64 + 0x18);
    table.writeBigUInt64LE(BigInt(bytes.length), index * 64 + 0x20);
    at += bytes.length;
  }
  header.writeBigUInt64LE(64n, 0x28);
  [64, all.length, all.length - 1].forEach((value, index) => header.writeUInt16LE(value, 0x3a + 2 * index));
  return Buffer.concat([header, table, ...all.map(({ bytes }) => bytes)]);
}

const texts = strings(['', 'libc.so.6', 'GLIBC_2.38', 'GLIBC_2.34', '__isoc23_strtol', 'marker', 'pthread_once']);

/** One library with two needed versions: number 2 is the missing one, 3 is there. */
function needs(): Buffer {
  const bytes = Buffer.alloc(48);
  bytes.writeUInt16LE(2, 2);
  bytes.writeUInt32LE(16, 8);
  for (const [index, [version, number]] of (
    [
      ['GLIBC_2.38', 2],
      ['GLIBC_2.34', 3],
    ] as const
  ).entries()) {
    const at = 16 + 16 * index;
    bytes.writeUInt16LE(number, at + 6);
    bytes.writeUInt32LE(texts.at(version), at + 8);
    bytes.writeUInt32LE(index === 0 ? 16 : 0, at + 12);
  }
  return bytes;
}

function symbols(): Buffer {
  const bytes = Buffer.alloc(3 * 24);
  ['__isoc23_strtol', 'marker', 'pthread_once'].forEach((name, index) => {
    bytes.writeUInt32LE(texts.at(name), index * 24);
    bytes.writeUInt8(0x12, index * 24 + 4);
  });
  return bytes;
}

describe('an addon for an older C library', () => {
  const versions = Buffer.from([2, 0, 2, 0, 3, 0]);
  const before = elf([
    { name: '.dynsym', bytes: symbols() },
    { name: '.dynstr', bytes: texts.bytes },
    { name: '.gnu.version', bytes: versions },
    { name: '.gnu.version_r', bytes: needs() },
  ]);
  const after = forOlderLibc(before);
  const symbolAt = (index: number): number => before.indexOf(symbols()) + index * 24;
  const nameOf = (index: number): string => {
    const from = before.indexOf(texts.bytes) + after.readUInt32LE(symbolAt(index));
    return after.toString('latin1', from, after.indexOf(0, from));
  };

  it('asks for renamed functions under their old names', () => {
    expect(nameOf(0)).toBe('strtol');
    expect(nameOf(2)).toBe('pthread_once');
  });

  it('does without other symbols of the missing version', () => {
    expect([0, 1, 2].map((index) => after.readUInt8(symbolAt(index) + 4))).toEqual([0x12, 0x22, 0x12]);
  });

  it('makes the missing version optional and leaves the other', () => {
    const from = before.indexOf(needs());
    expect([after.readUInt16LE(from + 16 + 4), after.readUInt16LE(from + 32 + 4)]).toEqual([2, 0]);
    const versionsFrom = from - versions.length;
    expect([0, 2, 4].map((at) => after.readUInt16LE(versionsFrom + at))).toEqual([1, 1, 3]);
  });

  it('changes neither the given bytes nor files without such sections', () => {
    expect(before.equals(after)).toBe(false);
    const other = elf([{ name: '.dynstr', bytes: texts.bytes }]);
    expect(forOlderLibc(other).equals(other)).toBe(true);
  });
});
