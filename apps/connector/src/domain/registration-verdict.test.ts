import { describe, expect, it } from 'vitest';

import { isFinalRefusal } from './registration-verdict.ts';

describe('verdict on a refused registration', () => {
  it('retries what the protocol says is temporary', () => {
    expect(isFinalRefusal('Unauthorized: edge not ready, retrying')).toBe(false);
    expect(isFinalRefusal('EDUPCONN')).toBe(false);
    expect(isFinalRefusal('tunnel token refused: the tunnel is archived')).toBe(true);
  });
});
