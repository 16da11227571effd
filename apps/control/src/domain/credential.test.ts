import { describe, expect, it } from 'vitest';
import { type Credential, mayGrant, maySee } from './credential.ts';

const credential = (...scopes: Credential['scopes'][number][]): Credential => ({
  apiKeyId: 'apikey_1',
  workspaceId: 'wrkspc_1',
  scopes,
});

describe('credential scopes', () => {
  it('permit what they name, and an operator everything', () => {
    expect(maySee(credential('call'), 'call')).toBe(true);
    expect(maySee(credential('call'), 'manage')).toBe(false);
    expect(maySee(credential(), 'call')).toBe(false);
    expect(maySee(credential('operate'), 'audit')).toBe(true);
  });

  it('are handed out only by who has them', () => {
    expect(mayGrant(credential('manage'), ['call'])).toBe(false);
    expect(mayGrant(credential('manage', 'call'), ['call'])).toBe(true);
    expect(mayGrant(credential('manage', 'call'), ['call', 'operate'])).toBe(false);
    expect(mayGrant(credential('operate'), ['call', 'manage', 'audit', 'operate'])).toBe(true);
  });
});
