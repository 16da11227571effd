import kafkajs, { type Admin, type Kafka } from 'kafkajs';

export interface TopicPlan {
  readonly name: string;
  /** -1 keeps records for good. */
  readonly retentionMs: number;
}

export interface EnsureTopicsOptions {
  readonly topics: readonly TopicPlan[];
  /** 3 in a cluster, 1 on a single broker. */
  readonly replicationFactor: number;
}

/**
 * Of a *record batch* (that is what the broker's setting bounds): 512 KB of events, their headers, and room. It must not be lowered to the size of
 * one event.
 */
const batchBytesMax = 1 << 20;

/**
 * Makes the topics that are missing, with one partition (its log is one Merkle log) and never compacted. Throws where an existing topic has another number of
 * partitions or would lose history by compaction; a person has to decide there. Retention and replication of existing topics are the operator's.
 */
export async function ensureTopics(kafka: Kafka, options: EnsureTopicsOptions): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const missing = options.topics.filter((topic) => !existing.has(topic.name));
    if (missing.length > 0) await createTopics(admin, missing, options.replicationFactor);
    await Promise.all(
      options.topics.filter((topic) => existing.has(topic.name)).map((topic) => checkTopic(admin, topic.name)),
    );
  } finally {
    await admin.disconnect();
  }
}

async function createTopics(admin: Admin, topics: readonly TopicPlan[], replicationFactor: number): Promise<void> {
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: topics.map(({ name, retentionMs }) => ({
        topic: name,
        numPartitions: 1,
        replicationFactor,
        configEntries: Object.entries({
          'cleanup.policy': 'delete',
          'retention.ms': String(retentionMs),
          'retention.bytes': '-1',
          'min.insync.replicas': String(Math.max(1, replicationFactor - 1)),
          'unclean.leader.election.enable': 'false',
          'message.timestamp.type': 'CreateTime',
          'max.message.bytes': String(batchBytesMax),
        }).map(([setting, value]) => ({ name: setting, value })),
      })),
    });
  } catch (error) {
    // Another process makes the same topics at the same time.
    if (!failuresOf(error).every((failure) => Object(failure).type === 'TOPIC_ALREADY_EXISTS')) throw error;
    await Promise.all(topics.map((topic) => checkTopic(admin, topic.name)));
  }
}

/** kafkajs puts one failure per topic into `errors`. */
function failuresOf(error: unknown): readonly unknown[] {
  const { errors } = Object(error) as { readonly errors?: unknown };
  return Array.isArray(errors) ? errors : [error];
}

async function checkTopic(admin: Admin, topic: string): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics[0]?.partitions.length ?? 0;
  if (partitions !== 1) throw new Error(`topic ${topic} has ${partitions} partitions; it must have one`);
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [
      { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy', 'max.message.bytes'] },
    ],
  });
  const settings = new Map(resources[0]?.configEntries.map((entry) => [entry.configName, entry.configValue]));
  const policy = settings.get('cleanup.policy');
  if (policy !== 'delete') {
    throw new Error(
      `topic ${topic} has cleanup.policy=${policy}; compaction would delete audit events, it must be delete`,
    );
  }
  if (Number(settings.get('max.message.bytes')) < batchBytesMax) {
    throw new Error(
      `topic ${topic} has max.message.bytes=${settings.get('max.message.bytes')}; it must be at least ${batchBytesMax}`,
    );
  }
}
