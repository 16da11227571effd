import { auditTopic } from '@sallyport/audit-events';
import { KafkaEventLogReader, openKafka } from '@sallyport/kafka';

const recordsMax = 2_000;

/** Follows a topic from its beginning, each record once, as any consumer would. */
export class TopicReader {
  readonly #topic: string;
  readonly #reader: KafkaEventLogReader;
  #next = 0n;

  constructor(brokers: string, topic: string) {
    this.#topic = topic;
    const kafka = openKafka({ brokers: [brokers], clientId: 'sallyport-faults' });
    this.#reader = new KafkaEventLogReader({ kafka, groupPrefix: 'sallyport-faults' });
  }

  /** Hands over what the topic holds now and was not read yet. */
  async catchUp(take: (value: string) => void): Promise<void> {
    const { next } = await this.#reader.bounds(this.#topic);
    while (this.#next < next) {
      const records = await this.#reader.read(this.#topic, this.#next, { recordsMax, waitMsMax: 10_000 });
      if (records.length === 0) throw new Error(`${this.#topic}: nothing came at ${this.#next} of ${next}`);
      for (const { value, offset } of records) {
        take(value);
        this.#next = offset + 1n;
      }
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

export interface SignedRoot {
  readonly size: number;
  readonly root: string;
}

/** Every checkpoint of the log of calls that was announced. */
export async function signedRoots(brokers: string): Promise<readonly SignedRoot[]> {
  const reader = new TopicReader(brokers, auditTopic.checkpoint);
  const roots: SignedRoot[] = [];
  await reader.catchUp((value) => {
    const { data } = JSON.parse(value) as { data: { origin: string; size: number; rootHash: string } };
    if (data.origin.includes(auditTopic.toolcall)) roots.push({ size: data.size, root: data.rootHash });
  });
  await reader.close();
  return roots;
}
