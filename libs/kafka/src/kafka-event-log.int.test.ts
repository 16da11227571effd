import { EventLogRecordAltered, EventLogGap } from '@sallyport/event-log';
import { eventLogContract } from '@sallyport/event-log/contract';
import type { Kafka } from 'kafkajs';
import * as vitest from 'vitest';
import { ensureTopics, KafkaEventLogPublisher, KafkaEventLogReader, openKafka } from './index.ts';
import { findKafka } from './testing.ts';

const { afterAll, describe, expect, it } = vitest;
const found = await findKafka(process.env);
if ('missing' in found) console.warn(`SKIPPED: ${found.missing}`);
const brokers = 'missing' in found ? '' : found.brokers;
const runId = Date.now().toString(36);
let topics = 0;

async function newTopic(kafka: Kafka): Promise<string> {
  const name = `sallyport.test-${runId}-${(topics += 1)}.v1`;
  await ensureTopics(kafka, { topics: [{ name, retentionMs: -1 }], replicationFactor: 1 });
  return name;
}

describe.skipIf('missing' in found)('Kafka', () => {
  const kafka = openKafka({ brokers: [brokers], clientId: 'test' });
  const readerOf = () => new KafkaEventLogReader({ kafka, groupPrefix: 'sallyport-test' });
  afterAll(async () => {
    if (!('missing' in found)) await found.stop();
  });

  eventLogContract(vitest, 'Kafka', async () => ({
    createTopic: () => newTopic(kafka),
    openPublisher: () => KafkaEventLogPublisher.open(kafka),
    openReader: async () => readerOf(),
    deleteBelow: async (topic, offset) => {
      const admin = kafka.admin();
      await admin.connect();
      // kafkajs only knows the leaders of topics that it was asked about before.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: offset.toString() }] });
      await admin.disconnect();
    },
    close: async () => undefined,
  }));

  it('sends CloudEvents in structured mode, with the attributes and the leaf hash as headers', async () => {
    const topic = await newTopic(kafka);
    const publisher = await KafkaEventLogPublisher.open(kafka);
    const event = { id: 'e1', source: 'router/1', specversion: '1.0', time: '2026-11-23T00:00:00.000000Z', type: 't' };
    await publisher.publishBatch(topic, [{ key: 'session', value: JSON.stringify(event) }]);
    await publisher.close();
    const consumer = kafka.consumer({ groupId: `test-headers-${runId}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const headers = await new Promise<Record<string, string>>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) =>
          resolve(
            Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])),
          ),
      });
    });
    await consumer.disconnect();
    expect(headers).toEqual({
      'content-type': 'application/cloudevents+json; charset=UTF-8',
      ce_id: 'e1',
      ce_source: 'router/1',
      ce_time: '2026-11-23T00:00:00.000000Z',
      ce_type: 't',
      leafhash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each([
    ['was changed', { value: 'changed', headers: { leafhash: '00'.repeat(32) } }],
    ['has no leaf hash', { value: '{}' }],
    ['is a tombstone', { value: null, headers: { leafhash: '00'.repeat(32) } }],
  ])('does not read over a record that %s', async (_, message) => {
    const topic = await newTopic(kafka);
    const publisher = await KafkaEventLogPublisher.open(kafka);
    await publisher.publishBatch(topic, [{ key: 'k', value: '"good"' }]);
    await publisher.close();
    const producer = kafka.producer({ createPartitioner: () => () => 0 });
    await producer.connect();
    await producer.send({ topic, messages: [message] });
    await producer.disconnect();
    const reader = readerOf();
    const wait = { recordsMax: 1, waitMsMax: 20_000 };
    expect(await reader.read(topic, 0n, wait)).toHaveLength(1);
    await expect(reader.read(topic, 1n, wait)).rejects.toBeInstanceOf(EventLogRecordAltered);
    await expect(reader.read(topic, 1n, wait)).rejects.toMatchObject({ topic, offset: 1n });
    await reader.close();
  });

  it('reports a gap, and does not look for ever, when an offset has no record', async () => {
    const topic = await newTopic(kafka);
    const publisher = await KafkaEventLogPublisher.open(kafka);
    const record = (value: string) => ({ key: 'k', value });
    await publisher.publishBatch(topic, ['a', 'b', 'c'].map(record));
    const transactional = kafka.producer({
      idempotent: true,
      transactionalId: `gap-${runId}`,
      maxInFlightRequests: 1,
      createPartitioner: () => () => 0,
    });
    await transactional.connect();
    const reader = readerOf();
    expect(await reader.read(topic, 0n, { recordsMax: 10, waitMsMax: 20_000 })).toHaveLength(3);
    // An aborted transaction leaves offsets without records: a gap that nobody announced.
    const transaction = await transactional.transaction();
    await transaction.send({ topic, messages: [record('lost')] });
    await transaction.abort();
    await transactional.disconnect();
    await publisher.publishBatch(topic, [record('d')]);
    const read = reader.read(topic, 3n, { recordsMax: 10, waitMsMax: 20_000 });
    await expect(read).rejects.toBeInstanceOf(EventLogGap);
    await Promise.all([reader.close(), publisher.close()]);
  });

  it('bounds what it buffers ahead and still delivers everything, in order', async () => {
    const topic = await newTopic(kafka);
    const publisher = await KafkaEventLogPublisher.open(kafka);
    const value = (index: number) => `"${index}${'x'.repeat(50_000)}"`;
    for (let batch = 0; batch < 40; batch += 1) {
      const records = Array.from({ length: 10 }, (_, index) => ({ key: 'k', value: value(batch * 10 + index) }));
      await publisher.publishBatch(topic, records);
    }
    await publisher.close();
    const reader = readerOf();
    expect(await reader.read(topic, 0n, { recordsMax: 1, waitMsMax: 20_000 })).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    let next = 1;
    while (next < 400) {
      const records = await reader.read(topic, BigInt(next), { recordsMax: 50, waitMsMax: 20_000 });
      for (const record of records) {
        expect(record.value).toBe(value(next));
        next += 1;
      }
    }
    await reader.close();
  });

  it('makes topics as the ledger needs them and refuses others', async () => {
    const admin = kafka.admin();
    await admin.connect();
    const [good, wide, compacted] = ['good', 'wide', 'compacted'].map((name) => `sallyport.${name}-${runId}.v1`) as [
      string,
      string,
      string,
    ];
    await admin.createTopics({
      topics: [
        { topic: wide, numPartitions: 3 },
        { topic: compacted, numPartitions: 1, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] },
      ],
    });
    const ensure = (name: string) => ensureTopics(kafka, { topics: [{ name, retentionMs: -1 }], replicationFactor: 1 });
    await expect(ensure(wide)).rejects.toThrow(/3 partitions/);
    await expect(ensure(compacted)).rejects.toThrow(/cleanup.policy=compact/);
    await Promise.all([ensure(good), ensure(good), ensure(good)]);
    await ensure(good);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: good }],
    });
    const settings = Object.fromEntries(
      resources[0]!.configEntries.map((entry) => [entry.configName, entry.configValue]),
    );
    expect(settings).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'unclean.leader.election.enable': 'false',
      'message.timestamp.type': 'CreateTime',
    });
    await admin.disconnect();
  });
});
