import { describe, expect, it } from 'vitest';

import { cutText } from './answer-text.ts';

describe('the text of an answer', () => {
  it('is whole where it fits, else whole characters and a mark', () => {
    expect(cutText('äöü', 6)).toBe('äöü');
    const cut = cutText('ä'.repeat(1_000), 101);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(101);
    expect(cut).toMatch(/^ä+\n\[cut: .*\]$/);
    expect(cutText('€€€', 4)).toBe('€');
    expect(cutText('x', 0)).toBe('');
  });
});
