import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requirements } from './requirements.ts';

const cited = ['scenarios', 'conformance', 'faults']
  .map((name) => new URL(`./${name}/`, import.meta.url))
  .flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8')),
  )
  .flatMap((text) => [...text.matchAll(/verifies\(\s*(\[[^\]]*\]|'[^']+')/g)])
  .flatMap(([, ids = '']) => [...ids.matchAll(/'([^']+)'/g)].map(([, id = '']) => id));

describe('promises and scenarios', () => {
  it('every promise has a scenario', () => {
    expect(Object.keys(requirements).filter((id) => !cited.includes(id))).toEqual([]);
  });

  it('every scenario cites promises that exist', () => {
    expect(cited.filter((id) => !(id in requirements))).toEqual([]);
  });
});
