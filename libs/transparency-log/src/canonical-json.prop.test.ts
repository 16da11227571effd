import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from './canonical-json.ts';

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/), tie('any'), { maxKeys: 40, noNullPrototype: false }),
  ),
})).any;

/** The plain reading of RFC 8785 on the profile, slow and separate. */
function reference(any: unknown): string {
  if (Array.isArray(any)) return `[${any.map(reference).join(',')}]`;
  if (typeof any !== 'object' || any === null) return JSON.stringify(any === 0 ? 0 : any);
  const entries = Object.entries(any).sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${reference(item)}`).join(',')}}`;
}

describe('canonical JSON, properties', () => {
  it('writes what the reference writes, and reads back as the same value', () => {
    fc.assert(
      fc.property(value, (any) => {
        const written = canonicalize(any);
        expect(written).toEqual({ ok: true, value: reference(any) });
        expect(canonicalize(JSON.parse(reference(any)))).toEqual(written);
      }),
      { numRuns: 500 },
    );
  });
});
