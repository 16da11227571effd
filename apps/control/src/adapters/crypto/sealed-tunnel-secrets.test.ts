import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SealedTunnelSecrets } from './sealed-tunnel-secrets.ts';

describe('sealed tunnel secrets', () => {
  const key = randomBytes(32).toString('base64');
  const secrets = new SealedTunnelSecrets(key);

  it('opens what it sealed, and gives the hash of the plain bytes', () => {
    const made = secrets.make('tnl_1');
    expect(secrets.open('tnl_1', made.sealed)).toBe(made.secret);
    expect(Buffer.from(made.secret, 'base64')).toHaveLength(32);
    expect(createHash('sha256').update(Buffer.from(made.secret, 'base64')).digest('hex')).toBe(made.sha256);
    expect(made.sealed).not.toContain(made.secret.slice(0, 16));
  });

  it('opens nothing for another tunnel, with another key, or after a change', () => {
    const { sealed } = secrets.make('tnl_1');
    expect(() => secrets.open('tnl_2', sealed)).toThrow(/authenticate/);
    expect(() => new SealedTunnelSecrets(randomBytes(32).toString('base64')).open('tnl_1', sealed)).toThrow(
      /authenticate/,
    );
    const changed = Buffer.from(sealed, 'base64');
    changed[20] = (changed[20] ?? 0) ^ 1;
    expect(() => secrets.open('tnl_1', changed.toString('base64'))).toThrow(/authenticate/);
    expect(() => new SealedTunnelSecrets('c2hvcnQ=')).toThrow(RangeError);
  });
});
