import { findKafkaBroker } from './kafka-broker.ts';

/** One broker for a run of the scenarios on Kafka: `startSuite` finds it in the environment. Without a broker every scenario is skipped, and counted. */
export async function setup(): Promise<() => Promise<void>> {
  const broker = await findKafkaBroker();
  if (broker === undefined) process.env['E2E_KAFKA_MISSING'] = 'true';
  else process.env['E2E_KAFKA_BROKERS'] = broker.brokers;
  return async () => {
    await broker?.stop();
  };
}
