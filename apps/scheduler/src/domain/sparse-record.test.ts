import { describe, expect, it } from 'vitest';
import { SparseRecord } from './sparse-record.ts';

describe('a sparse record', () => {
  it('is due once for each key in its time, also after a step back of the clock', () => {
    const record = new SparseRecord(1_000);
    const due = (key: string, ms: number) => record.isDue(key, ms);
    expect([due('a', 0), due('a', 999), due('b', 999), due('a', 1_000), due('a', 1_999)]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    expect([due('a', -1), due('a', -2), due('a', -1_001)]).toEqual([true, false, true]);
  });

  it('remembers a bounded number of keys and forgets the oldest', () => {
    const record = new SparseRecord(1_000);
    for (let key = 0; key <= 1_000; key += 1) expect(record.isDue(String(key), 0)).toBe(true);
    expect(record.isDue('1', 0)).toBe(false);
    expect(record.isDue('1000', 0)).toBe(false);
    expect(record.isDue('0', 0)).toBe(true);
  });
});
