import { EventLogPublisher, type EventRecord } from '@sallyport/event-log';
import type { Kafka, Producer } from 'kafkajs';
import { recordHeaders } from './record-headers.ts';

/**
 * Appends with kafkajs's idempotent producer, one `send()` at a time: under concurrent sends a lost acknowledgement makes it lose messages
 * silently (it takes the same sequence twice and the broker drops the second as a duplicate). For the same reason the first failure ends this
 * publisher: what became of the batch is unknown, and the next publisher sends it again.
 */
export class KafkaEventLogPublisher extends EventLogPublisher {
  readonly #producer: Producer;
  readonly #nextOffsets = new Map<string, bigint>();
  #state: 'open' | 'failed' | 'closed' = 'open';
  #pending = false;

  private constructor(producer: Producer) {
    super();
    this.#producer = producer;
  }

  /** Connects. `kafka` comes from `openKafka`, whose retries and time limits bound a publish. */
  static async open(kafka: Kafka): Promise<KafkaEventLogPublisher> {
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => () => 0,
    });
    await producer.connect();
    return new KafkaEventLogPublisher(producer);
  }

  async publishBatch(topic: string, records: readonly EventRecord[]): Promise<{ readonly baseOffset: bigint }> {
    if (this.#state === 'closed') throw new Error('the publisher is closed');
    if (this.#state === 'failed') throw new Error('the publisher has failed before: open another');
    if (this.#pending) throw new Error('a publish is pending: one batch at a time');
    if (records.length === 0) throw new Error('a batch has at least one record');
    this.#pending = true;
    try {
      return { baseOffset: await this.#send(topic, records) };
    } catch (error) {
      if (this.#state === 'open') this.#state = 'failed';
      throw error;
    } finally {
      this.#pending = false;
    }
  }

  async #send(topic: string, records: readonly EventRecord[]): Promise<bigint> {
    const messages = records.map(({ key, value }) => {
      const bytes = Buffer.from(value, 'utf8');
      return { key, value: bytes, headers: recordHeaders(bytes) };
    });
    const answers = await this.#producer.send({ topic, acks: -1, messages });
    const answered = answers[0]?.baseOffset;
    if (answers.length !== 1 || answered === undefined)
      throw new Error(`${topic}: ${answers.length} partitions answered`);
    const baseOffset = BigInt(answered);
    const expected = this.#nextOffsets.get(topic) ?? 0n;
    if (baseOffset < expected) throw new Error(`${topic}: offset ${baseOffset} does not rise above ${expected}`);
    this.#nextOffsets.set(topic, baseOffset + BigInt(records.length));
    return baseOffset;
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#producer.disconnect();
  }
}
