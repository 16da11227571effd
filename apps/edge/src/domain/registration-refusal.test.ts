import { describe, expect, it } from 'vitest';

import { causeByRefusal, isTemporary } from './registration-refusal.ts';

describe('causes of refused registrations', () => {
  it('lets a fresh connector fail fast on what will not change, and retry what will', () => {
    expect(isTemporary('token-check-unavailable')).toBe(true);
    expect(isTemporary('edge-draining')).toBe(true);
    expect(isTemporary('token-unknown')).toBe(false);
    expect(isTemporary('tunnel-archived')).toBe(false);
    expect(Object.values(causeByRefusal)).not.toContain('EDUPCONN');
  });
});
