import { auditTopic } from '@sallyport/audit-events';
import { parseConfig } from '@sallyport/config';
import { ensureTopics, kafkaConfigSchema, openKafka } from '@sallyport/kafka';
import { fail, ok, type Result } from '@sallyport/result';

/** The brokers that `--kafka` names, and how to prove to each other who one is. Paths are absolute. */
export interface KafkaOptions {
  /** `host:port,…` */
  readonly brokers: string;
  /** Trusts the system's roots where there is no `caFile`. */
  readonly tls: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly sasl?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username?: string;
  readonly passwordFile?: string;
}

const keptForGood = -1;
/** What could not be read is looked into within this time. */
const deadLettersKeptMs = 90 * 86_400_000;
const replicasMax = 3;

/** The variables that `kafkaConfigSchema(prefix)` reads. */
export function kafkaEnvironment(prefix: string, options: KafkaOptions): Readonly<Record<string, string>> {
  const values = {
    BROKERS: options.brokers,
    TLS: options.tls ? 'on' : 'off',
    CA_FILE: options.caFile,
    CERT_FILE: options.certFile,
    KEY_FILE: options.keyFile,
    SASL_MECHANISM: options.sasl,
    SASL_USERNAME: options.username,
    SASL_PASSWORD_FILE: options.passwordFile,
  };
  return Object.fromEntries(
    Object.entries(values)
      .filter((entry): entry is [string, string] => entry[1] !== undefined)
      .map(([name, value]) => [`${prefix}_KAFKA_${name}`, value]),
  );
}

/** Makes the suite's topics where they are missing, with three replicas where the cluster has three brokers. */
export async function prepareKafka(options: KafkaOptions): Promise<Result<void, string>> {
  try {
    const { kafka } = parseConfig({ kafka: kafkaConfigSchema('SUITE') }, kafkaEnvironment('SUITE', options));
    if (kafka === undefined) return fail('--kafka names no broker');
    const client = openKafka(kafka);
    const admin = client.admin();
    await admin.connect();
    const { brokers } = await admin.describeCluster().finally(() => admin.disconnect());
    await ensureTopics(client, {
      topics: Object.values(auditTopic).map((name) => ({
        name,
        retentionMs: name === auditTopic.deadLetter ? deadLettersKeptMs : keptForGood,
      })),
      replicationFactor: Math.min(replicasMax, brokers.length),
    });
    return ok(undefined);
  } catch (error) {
    const message = error instanceof Error ? error.message.split('\n').join(' ') : String(error);
    return fail(`Kafka at ${options.brokers} cannot be used: ${message}`);
  }
}
