import { sandboxDriverContract } from '@sallyport/sandbox/testing';
import { namespaceTierChecks } from '@sallyport/sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithoutBwrap, type NamespaceBed, openNamespaceBed } from './testing/namespace-bed.ts';

/** Of nobody. The process of this file becomes it, which is why it is a file of its own. */
const userId = 64_321;

describe.skipIf(isWithoutBwrap())('namespaces without root', () => {
  let bed: NamespaceBed;
  beforeAll(() => {
    if (process.getuid?.() === 0) {
      process.setgroups?.([]);
      process.setgid?.(userId);
      process.setuid?.(userId);
    }
    expect(process.getuid?.()).not.toBe(0);
    bed = openNamespaceBed();
  });
  afterAll(() => bed.close());

  it('prove what the tier needs, and say what they cannot do', async () => {
    const { checks, tier } = await bed.driver.capabilities();
    expect(tier).toBe('namespace');
    const unproved = checks.filter(({ proved }) => !proved);
    expect(unproved.filter(({ check }) => namespaceTierChecks.some((needed) => needed === check))).toEqual([]);
    expect(unproved.find(({ check }) => check === 'separate_user')?.detail).toContain('not root');
  });

  sandboxDriverContract({ describe, it, expect, beforeAll, afterAll }, 'namespace, started by a user', () =>
    Promise.resolve(openNamespaceBed()),
  );
});
