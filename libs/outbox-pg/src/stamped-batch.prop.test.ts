import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stampBatch } from './stamped-batch.ts';

const eventOf = (isBroken: boolean, id: string) => ({
  topic: 't',
  key: 'k',
  eventId: id,
  build: ({ source, sequence }: { source: string; sequence: bigint }) => {
    if (isBroken) throw new Error('no');
    return `${source}/${sequence}`;
  },
});

it('gives contiguous sequences whatever throws, and drops a write as a whole', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.boolean(), { maxLength: 4 }), { maxLength: 20 }),
      fc.bigInt({ min: 0n, max: 1n << 60n }),
      (shape, expected) => {
        const entries = shape.map((events, at) => ({
          at,
          write: { events: events.map((isBroken, index) => eventOf(isBroken, `${at}.${index}`)) },
        }));
        const broken: number[] = [];
        const batch = stampBatch({ source: 's', expected, bytesMax: 1e9 }, entries, (entry) => broken.push(entry.at));
        expect(broken).toEqual(entries.filter(({ at }) => shape[at]!.includes(true)).map(({ at }) => at));
        expect(batch.events.map((event) => event.value)).toEqual(
          batch.events.map((_, index) => `s/${expected + BigInt(index) + 1n}`),
        );
        expect(batch.last - batch.expected).toBe(BigInt(batch.events.length));
        expect(batch.events.map((event) => event.eventId)).toEqual(
          batch.entries.flatMap((entry) => entry.write.events.map((event) => event.eventId)),
        );
      },
    ),
  );
});

it('stops at the byte limit, with at least one write', () => {
  const write = { events: [{ topic: 't', key: 'k', eventId: 'e', build: () => 'x'.repeat(600) }] };
  const entries = [1, 2, 3].map((at) => ({ at, write }));
  const none = () => undefined;
  const batch = stampBatch({ source: 's', expected: 0n, bytesMax: 1_000 }, entries, none);
  expect([batch.entries.length, batch.left.map(({ at }) => at), batch.last]).toEqual([2, [3], 2n]);
  expect(stampBatch({ source: 's', expected: 0n, bytesMax: 1 }, entries, none).entries).toHaveLength(1);
});
