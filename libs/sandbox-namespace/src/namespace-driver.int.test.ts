import { sandboxDriverContract } from '@sallyport/sandbox/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWithoutBwrap, openNamespaceBed } from './testing/namespace-bed.ts';

const user = process.getuid?.() === 0 ? 'root' : 'a user';

describe.skipIf(isWithoutBwrap())('namespaces', () => {
  sandboxDriverContract({ describe, it, expect, beforeAll, afterAll }, `namespace, started by ${user}`, () =>
    Promise.resolve(openNamespaceBed()),
  );
});
