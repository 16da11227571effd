import type * as vitest from 'vitest';
import { EventLogGap, type EventLogPublisher, type EventLogReader, type EventRecord } from './event-log.ts';

/** The part of vitest that the suite needs: handed in, so that this lib depends on no test runner. */
export type TestRunner = Pick<typeof vitest, 'describe' | 'it' | 'expect' | 'beforeAll' | 'afterAll'>;

/** What an adapter's test opens for the suite. */
export interface EventLogUnderTest {
  /** Makes an empty topic and answers with its name. */
  createTopic(): Promise<string>;
  openPublisher(): Promise<EventLogPublisher>;
  openReader(): Promise<EventLogReader>;
  /** What retention does: removes the records below an offset. */
  deleteBelow(topic: string, offset: bigint): Promise<void>;
  close(): Promise<void>;
}

const now = { recordsMax: 1_000, waitMsMax: 0 };
/** Long enough for a broker to hand over the first records of a topic. */
const soon = { recordsMax: 1_000, waitMsMax: 20_000 };

const numbered = (count: number, from = 0): EventRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `key-${(from + index) % 7}`,
    value: `{"number":${from + index}}`,
  }));

/** Reads until `count` records have come: an adapter may answer with fewer than it has. */
async function readCount(reader: EventLogReader, topic: string, from: bigint, count: number) {
  const found = [...(await reader.read(topic, from, soon))];
  while (found.length > 0 && found.length < count) {
    const more = await reader.read(topic, from + BigInt(found.length), soon);
    if (more.length === 0) break;
    found.push(...more);
  }
  return found;
}

/** What every adapter of the event log promises. */
export function eventLogContract(
  { describe, it, expect, beforeAll, afterAll }: TestRunner,
  name: string,
  open: () => Promise<EventLogUnderTest>,
): void {
  describe(`event log contract: ${name}`, () => {
    let log: EventLogUnderTest;
    let publisher: EventLogPublisher;
    let reader: EventLogReader;
    beforeAll(async () => {
      log = await open();
      publisher = await log.openPublisher();
      reader = await log.openReader();
    });
    afterAll(async () => {
      await publisher?.close();
      await reader?.close();
      await log?.close();
    });

    it('gives an empty topic the bounds 0 and 0, and a read of it no records', async () => {
      const topic = await log.createTopic();
      expect(await reader.bounds(topic)).toEqual({ first: 0n, next: 0n });
      expect(await reader.read(topic, 0n, now)).toEqual([]);
    });

    it('keeps the order, without gaps between offsets, and base offsets that rise', async () => {
      const topic = await log.createTopic();
      const records = numbered(60);
      expect(await publisher.publishBatch(topic, records.slice(0, 1))).toEqual({ baseOffset: 0n });
      expect(await publisher.publishBatch(topic, records.slice(1, 40))).toEqual({ baseOffset: 1n });
      expect(await publisher.publishBatch(topic, records.slice(40))).toEqual({ baseOffset: 40n });
      expect(await reader.bounds(topic)).toEqual({ first: 0n, next: 60n });
      expect(await readCount(reader, topic, 0n, 60)).toEqual(
        records.map((record, index) => ({ ...record, offset: BigInt(index) })),
      );
    });

    it('keeps topics apart', async () => {
      const [left, right] = [await log.createTopic(), await log.createTopic()];
      await publisher.publishBatch(left, [{ key: 'l', value: '"left"' }]);
      expect(await publisher.publishBatch(right, [{ key: 'r', value: '"right"' }])).toEqual({ baseOffset: 0n });
      expect(await readCount(reader, left, 0n, 1)).toEqual([{ key: 'l', value: '"left"', offset: 0n }]);
      expect(await readCount(reader, right, 0n, 1)).toEqual([{ key: 'r', value: '"right"', offset: 0n }]);
    });

    it('reads from any offset, also backwards, and never more than was asked for', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(30));
      for (const from of [29n, 3n, 17n, 0n]) {
        const found = await reader.read(topic, from, { ...soon, recordsMax: 5 });
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThanOrEqual(5);
        expect(found[0]).toMatchObject({ offset: from, value: `{"number":${from}}` });
      }
      expect(await reader.read(topic, 30n, now)).toEqual([]);
    });

    it('keeps every value byte by byte', async () => {
      const topic = await log.createTopic();
      const values = [
        '{"text":"żółć 漢字 \u{1F512} \u{10FFFF} \\u0000 \u2028"}',
        '{"quotes":"\\"\\\\{},;\'","null":null}',
        `"${'x'.repeat(60_000)}"`,
        'NULL',
        '{}',
        '',
      ];
      await publisher.publishBatch(
        topic,
        values.map((value) => ({ key: 'schlüssel "{}"\\', value })),
      );
      const found = await readCount(reader, topic, 0n, values.length);
      expect(found.map((record) => record.value)).toEqual(values);
      expect(new Set(found.map((record) => record.key))).toEqual(new Set(['schlüssel "{}"\\']));
    });

    it('takes batches of 500 records and of 512 KB', async () => {
      const topic = await log.createTopic();
      const many = numbered(500);
      const large = Array.from({ length: 64 }, (_, index) => ({ key: 'k', value: `"${index}${'y'.repeat(8_150)}"` }));
      await publisher.publishBatch(topic, many);
      expect(await publisher.publishBatch(topic, large)).toEqual({ baseOffset: 500n });
      const found = await readCount(reader, topic, 0n, 564);
      expect(found.map(({ key, value }) => ({ key, value }))).toEqual([...many, ...large]);
    });

    it('wakes a waiting read when something is published', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(1));
      await readCount(reader, topic, 0n, 1);
      const startedMs = performance.now();
      const waiting = reader.read(topic, 1n, soon);
      await new Promise((resolve) => setTimeout(resolve, 150));
      await publisher.publishBatch(topic, numbered(1, 1));
      expect(await waiting).toEqual([{ key: 'key-1', value: '{"number":1}', offset: 1n }]);
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    });

    it('ends a wait at its limit and at an abort, with no records, and reads on afterwards', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(1));
      await readCount(reader, topic, 0n, 1);
      const startedMs = performance.now();
      expect(await reader.read(topic, 1n, { recordsMax: 10, waitMsMax: 100 })).toEqual([]);
      const waitedMs = performance.now() - startedMs;
      expect(waitedMs).toBeGreaterThanOrEqual(95);
      expect(waitedMs).toBeLessThan(3_000);

      const abort = new AbortController();
      setTimeout(() => abort.abort(), 50);
      const abortedMs = performance.now();
      expect(await reader.read(topic, 1n, { ...soon, signal: abort.signal })).toEqual([]);
      expect(await reader.read(topic, 1n, { ...soon, signal: AbortSignal.abort() })).toEqual([]);
      expect(performance.now() - abortedMs).toBeLessThan(3_000);

      await publisher.publishBatch(topic, numbered(1, 1));
      expect(await readCount(reader, topic, 1n, 1)).toHaveLength(1);
    });

    it('lets two readers read the same records', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(10));
      const other = await log.openReader();
      try {
        const [mine, theirs] = await Promise.all([readCount(reader, topic, 0n, 10), readCount(other, topic, 0n, 10)]);
        expect(theirs).toEqual(mine);
        expect(mine).toHaveLength(10);
      } finally {
        await other.close();
      }
    });

    it('rejects with EventLogGap below what retention has left, and serves the rest', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(20));
      await log.deleteBelow(topic, 8n);
      expect(await reader.bounds(topic)).toEqual({ first: 8n, next: 20n });
      const gap = await reader.read(topic, 5n, soon).catch((error: unknown) => error);
      expect(gap).toBeInstanceOf(EventLogGap);
      expect(gap).toMatchObject({ topic, wantedOffset: 5n, foundOffset: 8n });
      expect((await readCount(reader, topic, 8n, 12)).map((record) => record.offset)).toEqual(
        Array.from({ length: 12 }, (_, index) => BigInt(index + 8)),
      );
      await log.deleteBelow(topic, 20n);
      await expect(reader.read(topic, 8n, now)).rejects.toBeInstanceOf(EventLogGap);
      expect(await publisher.publishBatch(topic, numbered(1, 20))).toEqual({ baseOffset: 20n });
      expect(await readCount(reader, topic, 20n, 1)).toHaveLength(1);
    });

    it('rejects with EventLogGap where the log ends before the offset', async () => {
      const topic = await log.createTopic();
      await publisher.publishBatch(topic, numbered(3));
      await expect(reader.read(topic, 4n, now)).rejects.toMatchObject({ wantedOffset: 4n, foundOffset: 3n });
    });

    it('refuses a topic that does not exist, and makes none', async () => {
      const missing = 'sallyport.no-such-topic.v1';
      await expect(reader.bounds(missing)).rejects.toThrow(missing);
      await expect(reader.read(missing, 0n, now)).rejects.toThrow(missing);
      const other = await log.openPublisher();
      await expect(other.publishBatch(missing, numbered(1))).rejects.toThrow();
      await other.close().catch(() => undefined);
      await expect(reader.bounds(missing)).rejects.toThrow(missing);
    });

    it('refuses a second publish while one is pending', async () => {
      const topic = await log.createTopic();
      const other = await log.openPublisher();
      try {
        const first = other.publishBatch(topic, numbered(2));
        await expect(other.publishBatch(topic, numbered(1))).rejects.toThrow(/pending/);
        expect(await first).toEqual({ baseOffset: 0n });
        expect(await reader.bounds(topic)).toEqual({ first: 0n, next: 2n });
      } finally {
        await other.close();
      }
    });

    it('closes: pending reads end, later calls reject, closing twice is harmless', async () => {
      const topic = await log.createTopic();
      const [closingPublisher, closingReader] = [await log.openPublisher(), await log.openReader()];
      const waiting = closingReader.read(topic, 0n, soon);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await closingReader.close();
      expect(await waiting).toEqual([]);
      await closingPublisher.close();
      await Promise.all([closingReader.close(), closingPublisher.close()]);
      await expect(closingReader.read(topic, 0n, now)).rejects.toThrow(/closed/);
      await expect(closingPublisher.publishBatch(topic, numbered(1))).rejects.toThrow(/closed/);
    });
  });
}
