import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requirements } from './requirements.ts';

const scenarios = new URL('./scenarios/', import.meta.url);
const cited = readdirSync(scenarios)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => [...readFileSync(new URL(name, scenarios), 'utf8').matchAll(/verifies\(\s*(\[[^\]]*\]|'[^']+')/g)])
  .flatMap(([, ids = '']) => [...ids.matchAll(/'([^']+)'/g)].map(([, id = '']) => id));

describe('promises and scenarios', () => {
  it('every promise has a scenario', () => {
    expect(Object.keys(requirements).filter((id) => !cited.includes(id))).toEqual([]);
  });

  it('every scenario cites promises that exist', () => {
    expect(cited.filter((id) => !(id in requirements))).toEqual([]);
  });
});
