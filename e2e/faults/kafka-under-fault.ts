import { KafkaFaultProxy, type LocalKafkaFound, startLocalKafka } from '@sallyport/kafka/testing';
import { randomNumbers, seed } from './random.ts';

export interface KafkaUnderFault {
  /** For the suite: the way through the proxy. */
  readonly brokers: string;
  /** For the test: the broker itself. */
  readonly direct: string;
  readonly local: LocalKafkaFound['local'];
  /** Acknowledgements that were lost. */
  lost(): number;
  /** The share of produce requests whose acknowledgement is lost from now on. */
  loseShare(share: number): void;
  stop(): Promise<void>;
}

/**
 * A broker of its own behind a proxy that loses acknowledgements. `by`: a way to the proxy's port, by which clients come instead; resolves with the port
 * that they see. Undefined, said loudly, where there is no broker; on CI that is an error.
 */
export async function startKafkaUnderFault(
  by: (port: number) => Promise<number> = async (port) => port,
): Promise<KafkaUnderFault | undefined> {
  const proxy = await KafkaFaultProxy.open();
  const announced = await by(proxy.port);
  const found = await startLocalKafka(process.env, { proxyPort: announced });
  if ('missing' in found) {
    console.warn(`SKIPPED, the faults on Kafka: ${found.missing}`);
    await proxy.close();
    return undefined;
  }
  proxy.targetPort = found.local.ports.proxied?.listen ?? 0;
  const random = randomNumbers(seed + 1);
  let share = 0;
  let lost = 0;
  proxy.faultOf = () => {
    if (random() >= share) return undefined;
    lost += 1;
    return 'lose-answer';
  };
  return {
    brokers: `127.0.0.1:${announced}`,
    direct: found.brokers,
    local: found.local,
    lost: () => lost,
    loseShare: (next) => {
      share = next;
    },
    stop: async () => {
      await proxy.close();
      await found.stop();
    },
  };
}
