import { randomUUID } from 'node:crypto';
import {
  EventLogGap,
  EventLogReader,
  type ReadOptions,
  type StoredRecord,
  type TopicBounds,
} from '@sallyport/event-log';
import type { Admin, Kafka } from 'kafkajs';
import { TopicStream } from './topic-stream.ts';

export interface KafkaEventLogReaderOptions {
  readonly kafka: Kafka;
  /** Consumer groups are named `<groupPrefix>-<random>`: nothing is ever committed to them. */
  readonly groupPrefix: string;
}

/** How often a reader without records makes sure that the log has not become shorter than what it has read. */
const boundsEveryMs = 10_000;

export class KafkaEventLogReader extends EventLogReader {
  readonly #options: KafkaEventLogReaderOptions;
  readonly #streams = new Map<string, TopicStream>();
  readonly #closing = new AbortController();
  #admin: Promise<Admin> | undefined;
  #boundsAtMs = new Map<string, number>();

  constructor(options: KafkaEventLogReaderOptions) {
    super();
    this.#options = options;
  }

  /** Rejects with EventLogRecordAltered, besides EventLogGap, where a record was changed on its way; and with the broker's error, after which a read tries anew. */
  async read(topic: string, fromOffset: bigint, options: ReadOptions): Promise<readonly StoredRecord[]> {
    if (this.#closing.signal.aborted) throw new Error('the reader is closed');
    const untilMs = performance.now() + options.waitMsMax;
    const signal = AbortSignal.any([this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    if (signal.aborted) return [];
    const stream = await this.#streamAt(topic, fromOffset, options.waitMsMax > 0);
    if (stream === undefined) return [];
    try {
      for (;;) {
        const records = stream.take(options.recordsMax);
        const leftMs = untilMs - performance.now();
        if (records.length > 0) return records;
        if (leftMs <= 0 || signal.aborted) break;
        await stream.changed(leftMs, signal);
      }
    } catch (error) {
      await this.#dropStream(topic, stream);
      throw error;
    }
    if (!signal.aborted && performance.now() - (this.#boundsAtMs.get(topic) ?? 0) > boundsEveryMs) {
      await this.#checkBounds(topic, fromOffset);
    }
    return [];
  }

  async bounds(topic: string): Promise<TopicBounds> {
    if (this.#closing.signal.aborted) throw new Error('the reader is closed');
    const admin = await this.#connectedAdmin();
    try {
      const [partition, ...others] = await admin.fetchTopicOffsets(topic);
      if (partition === undefined || others.length > 0) throw new Error('it does not have exactly one partition');
      return { first: BigInt(partition.low), next: BigInt(partition.high) };
    } catch (error) {
      throw new Error(`topic ${topic} cannot be read`, { cause: error });
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    await Promise.all(streams.map((stream) => stream.close()));
    const admin = await this.#admin?.catch(() => undefined);
    await admin?.disconnect();
  }

  /** The stream with its position at the offset; nothing where there is nothing to read and nobody waits, so that no consumer is needed. */
  async #streamAt(topic: string, offset: bigint, isWaiting: boolean): Promise<TopicStream | undefined> {
    const stream = this.#streams.get(topic);
    if (stream?.position === offset && !stream.hasFailed) return stream;
    const { next } = await this.#checkBounds(topic, offset);
    if (stream !== undefined && !stream.hasFailed) {
      stream.jump(offset);
      return stream;
    }
    if (stream !== undefined) await this.#dropStream(topic, stream);
    if (offset === next && !isWaiting) return undefined;
    const groupId = `${this.#options.groupPrefix}-${randomUUID()}`;
    const opened = await TopicStream.open({ kafka: this.#options.kafka, topic, groupId, from: offset });
    if (this.#closing.signal.aborted) {
      await opened.close();
      return undefined;
    }
    this.#streams.set(topic, opened);
    return opened;
  }

  /** Without this a consumer would be reset to the log's start and look for the offset for ever. */
  async #checkBounds(topic: string, offset: bigint): Promise<TopicBounds> {
    const bounds = await this.bounds(topic);
    this.#boundsAtMs.set(topic, performance.now());
    if (offset < bounds.first) throw new EventLogGap(topic, offset, bounds.first);
    if (offset > bounds.next) throw new EventLogGap(topic, offset, bounds.next);
    return bounds;
  }

  async #dropStream(topic: string, stream: TopicStream): Promise<void> {
    if (this.#streams.get(topic) === stream) this.#streams.delete(topic);
    await stream.close().catch(() => undefined);
  }

  #connectedAdmin(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.#options.kafka.admin();
      await admin.connect();
      return admin;
    })();
    this.#admin.catch(() => {
      this.#admin = undefined;
    });
    return this.#admin;
  }
}
