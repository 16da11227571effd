export {
  findKafka,
  type KafkaFound,
  type LocalKafkaFound,
  type NoKafka,
  startLocalKafka,
} from './testing/find-kafka.ts';
export { KafkaFaultProxy, type ProduceFault } from './testing/kafka-fault-proxy.ts';
export { LocalBroker, type LocalBrokerOptions } from './testing/local-broker.ts';
