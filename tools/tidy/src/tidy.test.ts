import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { fileSet, fixtureFiles, trackedFiles } from './file-set.ts';
import { rules } from './rules.ts';
import { fileSizes } from './rules/file-sizes.ts';
import { printed, violationsOf } from './violation.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const fixtures = path.resolve(import.meta.dirname, '../fixtures');

/** Its fixture is made in memory: a file that is too large must not be tracked here either. */
const withFolder = rules.filter((rule) => rule !== fileSizes);

describe('each rule fails on its fixture', () => {
  it('and each fixture has its rule', () => {
    expect(readdirSync(fixtures).toSorted()).toEqual(withFolder.map(({ name }) => name).toSorted());
  });

  it.each(withFolder.map((rule) => [rule.name, rule] as const))('%s', (name, rule) => {
    const expected = readFileSync(path.join(fixtures, name, 'expected.txt'), 'utf8')
      .trim()
      .split('\n');
    const found = violationsOf(rule, fixtureFiles(path.join(fixtures, name)));
    expect(expected.length).toBeGreaterThan(0);
    expect(found.map(({ path: file, line }) => `${file}:${line}`)).toEqual(expected);
  });

  it('file-sizes, at the byte', () => {
    const sized = (bytes: number) => fileSet([{ path: 'a.bin', bytes, text: () => '' }]);
    expect(violationsOf(fileSizes, sized(1_000_000))).toEqual([]);
    expect(violationsOf(fileSizes, sized(1_000_001))).toHaveLength(1);
  });
});

describe('each rule holds in the repository', () => {
  const files = trackedFiles(root);

  it('which has files', () => {
    expect(files.has('package.json')).toBe(true);
  });

  it.each(rules.map((rule) => [rule.name, rule] as const))('%s', (_, rule) => {
    const found = violationsOf(rule, files).map(printed);
    expect(found.join('\n')).toBe('');
  });
});
