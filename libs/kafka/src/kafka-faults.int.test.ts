import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ensureTopics,
  KafkaEventLogPublisher,
  KafkaEventLogReader,
  type KafkaConnection,
  type KafkaLogEntry,
  openKafka,
} from './index.ts';
import { KafkaFaultProxy, type ProduceFault, startLocalKafka } from './testing.ts';

const inAnHour = new Date(Date.now() + 3_600_000);
const [serverCa, clientCa, strangerCa] = await Promise.all(
  ['brokers', 'clients', 'strangers'].map((name) => createCertificateAuthority(name, inAnHour)),
);
const issue = (ca: typeof serverCa, name: string, usage: 'server' | 'client') =>
  issueCertificate(ca!, { dnsNames: [name], notAfter: inAnHour, usage });
const [server, client, stranger] = await Promise.all([
  issue(serverCa, 'localhost', 'server'),
  issue(clientCa, 'router', 'client'),
  issue(strangerCa, 'router', 'client'),
]);
const proxy = await KafkaFaultProxy.open();
const user = { username: 'router', password: 'correct-horse' };
const found = await startLocalKafka(process.env, {
  user,
  tls: { certificate: server.certificatePem, key: server.keyPem, clientCa: clientCa!.certificatePem },
  proxyPort: proxy.port,
});
if ('missing' in found) console.warn(`SKIPPED: ${found.missing}`);
else proxy.targetPort = found.local.ports.proxied?.listen ?? 0;

describe.skipIf('missing' in found)('Kafka under faults', () => {
  const local = 'missing' in found ? undefined! : found.local;
  const brokers = 'missing' in found ? '' : found.brokers;
  let topics = 0;
  const newTopic = async () => {
    const name = `sallyport.faults-${(topics += 1)}.v1`;
    await ensureTopics(openKafka({ brokers: [brokers], clientId: 'test' }), {
      topics: [{ name, retentionMs: -1 }],
      replicationFactor: 1,
    });
    return name;
  };
  const readAll = async (topic: string): Promise<string[]> => {
    const kafka = openKafka({ brokers: [brokers], clientId: 'test' });
    const reader = new KafkaEventLogReader({ kafka, groupPrefix: 'sallyport-test' });
    const { next } = await reader.bounds(topic);
    const values: string[] = [];
    while (BigInt(values.length) < next) {
      const records = await reader.read(topic, BigInt(values.length), { recordsMax: 500, waitMsMax: 10_000 });
      values.push(...records.map((record) => record.value));
    }
    await reader.close();
    return values;
  };
  afterAll(async () => {
    await proxy.close();
    if (!('missing' in found)) await found.stop();
  });

  /** What the relay does: one batch at a time, and after any failure a new publisher and the same batch again. */
  const publishAll = async (
    topic: string,
    port: number,
    batches: readonly string[][],
    onBatch: (at: number) => void,
  ) => {
    const kafka = openKafka({ brokers: [`127.0.0.1:${port}`], clientId: 'test' });
    let publisher: KafkaEventLogPublisher | undefined;
    let failures = 0;
    for (const [at, values] of batches.entries()) {
      onBatch(at);
      for (let sent = false; !sent;) {
        try {
          publisher ??= await KafkaEventLogPublisher.open(kafka);
          await publisher.publishBatch(
            topic,
            values.map((value) => ({ key: 'k', value })),
          );
          sent = true;
        } catch (error) {
          failures += 1;
          if (failures > 200) throw error;
          await publisher?.close().catch(() => undefined);
          publisher = undefined;
        }
      }
    }
    await publisher?.close();
    return failures;
  };
  const batchesOf = (count: number, size: number) =>
    Array.from({ length: count }, (_, batch) => Array.from({ length: size }, (_, index) => `"${batch}/${index}"`));

  it('loses nothing and keeps the order when acknowledgements and requests get lost', async () => {
    const topic = await newTopic();
    const batches = batchesOf(60, 20);
    let produces = 0;
    const faults: Partial<Record<ProduceFault, number>> = {};
    proxy.faultOf = () => {
      produces += 1;
      if (produces % 3 !== 0) return undefined;
      const fault = produces % 2 === 0 ? 'lose-answer' : 'lose-request';
      faults[fault] = (faults[fault] ?? 0) + 1;
      return fault;
    };
    await publishAll(topic, proxy.port, batches, () => undefined);
    proxy.faultOf = () => undefined;
    expect([...new Set(await readAll(topic))]).toEqual(batches.flat());
    expect(faults['lose-answer']).toBeGreaterThan(8);
    expect(faults['lose-request']).toBeGreaterThan(8);
  });

  it('loses nothing when one batch loses every acknowledgement until its publisher gives up', async () => {
    const topic = await newTopic();
    const batches = batchesOf(6, 5);
    let losses = 0;
    let at = 0;
    proxy.faultOf = () => (at === 2 && losses < 12 ? ((losses += 1), 'lose-answer') : undefined);
    const failures = await publishAll(topic, proxy.port, batches, (batch) => {
      at = batch;
    });
    proxy.faultOf = () => undefined;
    const values = await readAll(topic);
    expect(failures).toBeGreaterThan(0);
    expect(values.length).toBeGreaterThan(30);
    expect([...new Set(values)]).toEqual(batches.flat());
  });

  it('loses nothing when the broker is killed and comes back, and a reader goes on where it was', async () => {
    const topic = await newTopic();
    const batches = batchesOf(30, 10);
    let restarted: Promise<void> | undefined;
    const kafka = openKafka({ brokers: [brokers], clientId: 'test' });
    const reader = new KafkaEventLogReader({ kafka, groupPrefix: 'sallyport-test' });
    const seen: string[] = [];
    const reading = (async () => {
      for (let failures = 0; new Set(seen).size < 300;) {
        try {
          const records = await reader.read(topic, BigInt(seen.length), { recordsMax: 100, waitMsMax: 1_000 });
          seen.push(...records.map((record) => record.value));
        } catch (error) {
          failures += 1;
          if (failures > 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      }
    })();
    await publishAll(topic, local.ports.plaintext, batches, (at) => {
      if (at === 15) restarted = local.kill().then(() => local.restart());
    });
    await restarted;
    await reading;
    await reader.close();
    expect([...new Set(seen)]).toEqual(batches.flat());
  });

  describe('who may connect', () => {
    let directory: string;
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'kafka-files-'));
      const files = {
        'ca.pem': serverCa!.certificatePem,
        'wrong-ca.pem': strangerCa!.certificatePem,
        'cert.pem': client.certificatePem,
        'key.pem': client.keyPem,
        'stranger.pem': stranger.certificatePem,
        'stranger-key.pem': stranger.keyPem,
        password: `${user.password}\n`,
        'wrong-password': 'battery-staple-7',
      };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    });
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    const path = (name: string) => join(directory, name);
    const describeWith = async (connection: Partial<KafkaConnection> & Pick<KafkaConnection, 'brokers'>) => {
      const logged: KafkaLogEntry[] = [];
      const kafka = openKafka({ clientId: 'test', onLog: (entry) => logged.push(entry), ...connection });
      const admin = kafka.admin({ retry: { retries: 1 } });
      try {
        await admin.connect();
        return { brokers: (await admin.describeCluster()).brokers.length, logged };
      } finally {
        await admin.disconnect();
        expect(JSON.stringify(logged)).not.toMatch(/correct-horse|battery-staple/);
      }
    };
    const tlsBrokers = () => [`localhost:${local.ports.tls}`];
    const saslBrokers = () => [`127.0.0.1:${local.ports.sasl}`];
    const unsignedToken = (expiresInS: number) => {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
      const nowS = Math.floor(Date.now() / 1_000);
      return `${encode({ alg: 'none' })}.${encode({ sub: 'router', iat: nowS - 120, exp: nowS + expiresInS })}.`;
    };

    it('takes a client certificate over TLS, and refuses none, a stranger, and an unknown broker CA', async () => {
      const tls = (files: { ca: string; cert?: string; key?: string }) => ({
        brokers: tlsBrokers(),
        tls: {
          caFile: path(files.ca),
          ...(files.cert === undefined ? {} : { certFile: path(files.cert), keyFile: path(files.key!) }),
        },
      });
      const good = await describeWith(tls({ ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' }));
      expect(good.brokers).toBe(1);
      await expect(describeWith(tls({ ca: 'ca.pem' }))).rejects.toThrow(/connection/i);
      await expect(describeWith(tls({ ca: 'ca.pem', cert: 'stranger.pem', key: 'stranger-key.pem' }))).rejects.toThrow(
        /connection/i,
      );
      await expect(describeWith(tls({ ca: 'wrong-ca.pem', cert: 'cert.pem', key: 'key.pem' }))).rejects.toThrow(
        /certificate|self-signed/i,
      );
    });

    it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
      'takes the password by SASL %s, and no other',
      async (mechanism) => {
        const sasl = (passwordFile: string) => ({
          mechanism,
          username: user.username,
          passwordFile: path(passwordFile),
        });
        expect((await describeWith({ brokers: saslBrokers(), sasl: sasl('password') })).brokers).toBe(1);
        await expect(describeWith({ brokers: saslBrokers(), sasl: sasl('wrong-password') })).rejects.toThrow(/auth/i);
      },
    );

    it('takes a token by SASL OAUTHBEARER, and not one that has expired', async () => {
      const sasl = (expiresInS: number) => ({
        mechanism: 'oauthbearer' as const,
        token: async () => unsignedToken(expiresInS),
      });
      expect((await describeWith({ brokers: saslBrokers(), sasl: sasl(60) })).brokers).toBe(1);
      await expect(describeWith({ brokers: saslBrokers(), sasl: sasl(-90) })).rejects.toThrow(
        // All that kafkajs says of a refused token.
        /no brokers/i,
      );
    });
  });

  it('makes Node warn of no negative timeout', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    const topic = await newTopic();
    await publishAll(topic, local.ports.plaintext, batchesOf(5, 5), () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off('warning', listen);
    expect(warnings).not.toContain('TimeoutNegativeWarning');
  });
});
