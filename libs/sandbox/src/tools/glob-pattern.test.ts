import { matchesGlob } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileGlob } from './glob-pattern.ts';

const fits = (pattern: string, path: string) => compileGlob(pattern)?.(path);

describe('a glob pattern', () => {
  it.each([
    ['*.ts', 'a.ts', true],
    ['*.ts', 'b/a.ts', false],
    ['**/*.ts', 'a.ts', true],
    ['**/*.ts', 'a/b/c.ts', true],
    ['**/*.ts', 'a/b/c.tsx', false],
    ['src/**', 'src/a/b', true],
    ['src/**', 'source/a', false],
    ['a/**/b/**/c', 'a/x/b/b/y/c', true],
    ['a/**/b/**/c', 'a/x/y/c', false],
    ['?.md', 'ab.md', false],
    ['[a-c]?', 'bz', true],
    ['[!a-c]*', 'b', false],
    ['[]]', ']', true],
    ['*.{ts,js}', 'x.js', true],
    ['{a,b/{c,d}}/x', 'b/d/x', true],
    ['{a,b/{c,d}}/x', 'b/x', false],
    ['{a}', '{a}', true],
    ['a{', 'a{', true],
    ['[ab', '[ab', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a*b*c', 'aXbYbZc', true],
    ['./a', 'a', true],
    ['é*', 'été', true],
    ['*', '.hidden', false],
    ['.*', '.hidden', true],
    ['**/x', '.git/x', false],
    ['**/.git/x', 'a/.git/x', true],
    ['**', 'a/b', true],
    ['a/**', 'a', false],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(fits(pattern, path)).toBe(expected);
  });

  it('says the same as node:path where both can', () => {
    const names = ['a', 'b', 'ab', 'a.ts', 'a.js', 'a/b', 'a/b/c', 'a/b/c.ts', 'b/a', 'x/y/z/a.ts', 'aa/bb'];
    const patterns = [
      '*',
      '**',
      'a*',
      '*/*',
      '**/*',
      '**/*.ts',
      'a/**',
      '{a,b}',
      '*.{ts,js}',
      'a/**/c*',
      '[ab]/*',
      '?',
      '**/b/**',
    ];
    for (const pattern of patterns)
      for (const name of names)
        expect([pattern, name, fits(pattern, name)]).toEqual([pattern, name, matchesGlob(name, pattern)]);
  });

  it.each([
    ['braces', '{a,b}'.repeat(600), 'x'],
    ['nested braces', '{a,'.repeat(1_000) + 'b' + '}'.repeat(1_000), 'x'],
    ['stars', `${'*a'.repeat(120)}b`, 'a'.repeat(255)],
    ['stars of segments', `${'**/a/'.repeat(600)}b`, 'a/'.repeat(60)],
    ['open braces', '{'.repeat(4_096), 'x'],
    ['braces and open braces', '{a,b}'.repeat(8) + '{'.repeat(4_050), 'x'],
  ])('takes no more than a moment for a hostile one: %s', (_, pattern, path) => {
    const started = performance.now();
    expect(fits(pattern, path) ?? false).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
