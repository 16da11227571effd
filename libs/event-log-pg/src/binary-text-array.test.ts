import { describe, expect, it } from 'vitest';
import { binaryTextArray } from './binary-text-array.ts';

describe('binaryTextArray', () => {
  it('has the bytes that array_recv expects', () => {
    expect(binaryTextArray(['ab', '', 'ż']).toString('hex')).toBe(
      ['00000001', '00000000', '00000019', '00000003', '00000001', '000000026162', '00000000', '00000002c5bc'].join(''),
    );
  });

  it('writes no dimension for an empty array', () => {
    expect(binaryTextArray([]).toString('hex')).toBe('000000000000000000000019');
  });
});
