import { describe, expect, it } from 'vitest';
import { EventLogGap } from './event-log.ts';

describe('EventLogGap', () => {
  it('says what was wanted and what there is', () => {
    const gap = new EventLogGap('sallyport.toolcall.v1', 5n, 8n);
    expect(gap).toBeInstanceOf(Error);
    expect(gap).toMatchObject({ name: 'EventLogGap', wantedOffset: 5n, foundOffset: 8n });
    expect(gap.message).toBe('sallyport.toolcall.v1: offset 5 was wanted, 8 is the next one there is');
  });
});
