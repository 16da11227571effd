import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditTopic } from '@sallyport/audit-events';
import type { StoredRecord } from '@sallyport/event-log';
import { KafkaEventLogReader, openKafka } from '@sallyport/kafka';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { findKafkaBroker } from '../harness/kafka-broker.ts';
import { call, callIdOf } from '../harness/mcp.ts';
import { runCli } from '../harness/run-cli.ts';
import { type CallEvent, startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const broker = await findKafkaBroker();
const callCount = 25;
const life = ['requested', 'authorized', 'dispatched', 'completed'];

describe.skipIf(broker === undefined)('the suite on Kafka', () => {
  const brokers = broker?.brokers ?? '';
  const args = ['--kafka', brokers];
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kafka-e2e-'));
  let suite: Suite;
  let upstream: Upstream;
  beforeAll(async () => {
    suite = await startSuite({ args });
    upstream = await Upstream.start((_request, response) =>
      answerJson(response, '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'),
    );
  });
  afterAll(async () => {
    await upstream?.stop();
    await suite?.dispose();
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Makes calls through a tunnel, and waits until the ledger has the end of each. */
  const makeCalls = async () => {
    const tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
    try {
      const sent = await Promise.all(
        Array.from({ length: callCount }, () => call(tunnel.mcpUrl, tunnel.apiKey, 'echo', { secret: 'of-the-agent' })),
      );
      expect(sent.map(({ status }) => status)).toEqual(sent.map(() => 200));
      const callIds = sent.map(callIdOf);
      for (const callId of callIds) expect((await suite.eventsOf(callId)).map(({ data }) => data.phase)).toEqual(life);
      return callIds;
    } finally {
      await tunnel.stop();
    }
  };
  const exportAndVerify = async (name: string, older?: string) => {
    const [tiles, vkeys] = [join(directory, name), join(directory, 'vkeys')];
    writeFileSync(vkeys, `${suite.ready.auditVkeys.join('\n')}\n`);
    const exported = await runCli('audit', 'export', '--tiles', tiles, '--data', suite.ready.dataDir);
    expect(exported).toMatchObject({ code: 0 });
    const extending = older === undefined ? [] : ['--extends', join(directory, older)];
    const verified = await runCli('audit', 'verify', tiles, '--vkeys', vkeys, ...extending);
    expect(verified).toMatchObject({ code: 0 });
  };

  verifies(
    'suite:kafka',
    async () => {
      const callIds = await makeCalls();
      const before = await topicOf(brokers, auditTopic.toolcall);
      for (const callId of callIds) {
        const records = recordsOf(before, callId);
        expect(records.map(({ event }) => event.data.phase)).toEqual(life);
        const keys = new Set(records.map(({ record }) => record.key));
        expect(keys.size).toBe(1);
        // What Kafka holds is byte for byte what the ledger has hashed.
        expect(records.map(({ record }) => record.value)).toEqual(await envelopesOf(suite, callId));
      }
      expect(before.some(({ value }) => value.includes('of-the-agent'))).toBe(false);
      await exportAndVerify('before');

      const { dataDir } = suite.ready;
      expect(await suite.stop()).toBe(0);
      suite = await startSuite({ args, dataDir });
      const [oldCall = ''] = callIds;
      expect((await suite.eventsOf(oldCall)).map(({ data }) => data.phase)).toEqual(life);
      const laterIds = await makeCalls();
      const after = await topicOf(brokers, auditTopic.toolcall);
      expect(after.slice(0, before.length)).toEqual(before);
      for (const callId of [...callIds, ...laterIds]) expect(recordsOf(after, callId)).toHaveLength(life.length);
      await exportAndVerify('after', 'before');
      const rebuilt = await runCli('audit', 'rebuild', '--data', dataDir);
      expect(rebuilt).toMatchObject({ code: 0 });
      // Checkpoints are announced on a topic of their own.
      expect((await topicOf(brokers, auditTopic.checkpoint)).length).toBeGreaterThan(0);
    },
    240_000,
  );
});

/** Everything that a topic holds, read as any consumer would. */
async function topicOf(brokers: string, topic: string): Promise<readonly StoredRecord[]> {
  const reader = new KafkaEventLogReader({
    kafka: openKafka({ brokers: brokers.split(','), clientId: 'sallyport-e2e' }),
    groupPrefix: 'sallyport-e2e',
  });
  try {
    const { first, next } = await reader.bounds(topic);
    const records: StoredRecord[] = [];
    for (let from = first; from < next;) {
      const read = await reader.read(topic, from, { recordsMax: 500, waitMsMax: 10_000 });
      if (read.length === 0) throw new Error(`${topic}: nothing came at offset ${from} of ${next}`);
      records.push(...read);
      from = (read.at(-1)?.offset ?? from) + 1n;
    }
    return records;
  } finally {
    await reader.close();
  }
}

function recordsOf(topic: readonly StoredRecord[], callId: string) {
  return topic
    .filter(({ value }) => value.includes(callId))
    .map((record) => ({ record, event: JSON.parse(record.value) as CallEvent }));
}

async function envelopesOf(suite: Suite, callId: string): Promise<string[]> {
  const { body } = await suite.control('GET', `/v1/audit/calls/${callId}`, suite.operatorKey);
  return (body as { data: { envelope: string }[] }).data.map(({ envelope }) => envelope);
}
