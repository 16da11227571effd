import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { outgoingPorts, portsBeside } from './port-range.ts';

it.each([
  ['the default of Linux', 32_768, 60_999, { first: 10_000, last: 32_767 }],
  ['the default of others', 49_152, 65_535, { first: 10_000, last: 49_151 }],
  ['a range from below', 1_024, 50_000, { first: 50_001, last: 65_535 }],
  ['a range that leaves more above', 15_000, 40_000, { first: 40_001, last: 65_535 }],
  ['everything', 1_024, 65_535, undefined],
  ['almost everything', 10_999, 65_000, undefined],
])('beside %s', (_name, first, last, expected) => {
  expect(portsBeside({ first, last })).toEqual(expected);
});

it('reads what the system says, and assumes the most where it says nothing', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-ports-'));
  const path = join(directory, 'range');
  const assumed = { first: 32_768, last: 65_535 };
  expect(outgoingPorts(path)).toEqual(assumed);
  writeFileSync(path, '20000\t30000\n');
  expect(outgoingPorts(path)).toEqual({ first: 20_000, last: 30_000 });
  writeFileSync(path, 'what\n');
  expect(outgoingPorts(path)).toEqual(assumed);
  rmSync(directory, { recursive: true });
});
