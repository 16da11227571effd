export { type EnsureTopicsOptions, ensureTopics, type TopicPlan } from './ensure-topics.ts';
export { kafkaConfigSchema } from './kafka-config-schema.ts';
export { KafkaEventLogPublisher } from './kafka-event-log-publisher.ts';
export { KafkaEventLogReader, type KafkaEventLogReaderOptions } from './kafka-event-log-reader.ts';
export { type KafkaConnection, type KafkaLogEntry, type KafkaSasl, type KafkaTls, openKafka } from './open-kafka.ts';
