import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Frontier } from './frontier.ts';
import { emptyRoot, entryBytesMax, leafHash, nodeHash } from './merkle-hash.ts';

/** Leaves and roots that the test suites of Certificate Transparency implementations share. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('Merkle hashes', () => {
  it('reproduces the roots that other implementations are tested with', () => {
    const frontier = Frontier.empty();
    expect(Buffer.from(frontier.root()).toString('hex')).toBe(roots[0]);
    for (const [index, leaf] of leaves.entries()) {
      frontier.append(leafHash(Buffer.from(leaf, 'hex')));
      expect(Buffer.from(frontier.root()).toString('hex')).toBe(roots[index + 1]);
    }
  });

  it('separates leaves from nodes by their prefix', () => {
    const [left, right] = [leafHash('a'), leafHash('b')];
    expect(nodeHash(left, right)).not.toEqual(leafHash(Buffer.concat([left, right])));
    expect(emptyRoot()).toEqual(createHash('sha256').digest());
  });

  it('hashes text as its UTF-8 bytes', () => {
    expect(leafHash('grüße 😀')).toEqual(leafHash(Buffer.from('grüße 😀')));
    expect(leafHash('grüße 😀')).toEqual(createHash('sha256').update('\0grüße 😀').digest());
  });

  it('takes the largest entry and refuses the next, counted in bytes', () => {
    expect(leafHash('x'.repeat(entryBytesMax))).toEqual(leafHash(Buffer.alloc(entryBytesMax, 'x')));
    expect(() => leafHash('x'.repeat(entryBytesMax + 1))).toThrow(RangeError);
    expect(() => leafHash('ü'.repeat(32_768))).toThrow(RangeError);
    expect(() => leafHash(Buffer.alloc(entryBytesMax + 1))).toThrow(RangeError);
  });
});
