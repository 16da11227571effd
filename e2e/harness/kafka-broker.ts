import { findKafka, type KafkaFound } from '@sallyport/kafka/testing';

/**
 * The broker for the scenarios that run on Kafka: `KAFKA_BROKERS`, else Java and Maven. Throws on CI when there is none; elsewhere answers undefined, and
 * the scenarios are to be skipped with `skipIf`, so that the runner counts them.
 */
export async function findKafkaBroker(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<KafkaFound | undefined> {
  const found = await findKafka(env);
  if (!('missing' in found)) return found;
  console.warn(`SKIPPED, the scenarios on Kafka: ${found.missing}`);
  return undefined;
}
