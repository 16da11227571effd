import { setTimeout as sleep } from 'node:timers/promises';
import { EventLogGap, EventLogRecordAltered, type StoredRecord } from '@sallyport/event-log';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { leafHashOf } from './record-headers.ts';

export interface TopicStreamOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly from: bigint;
}

const bufferedBytesMax = 8 << 20;
const fetchBytesMax = 2 << 20;
/** How long a fetch waits at the broker for the first record, hence the longest wait for a close. */
const fetchWaitMsMax = 500;
const sessionMsMax = 30_000;
const heartbeatEveryMs = 3_000;
/** A fetch that was under way at a jump is dropped; more surprises than this are a gap. */
const reseeksMax = 3;

const opensMax = 3;

class CrashedWhileJoining extends Error {
  override readonly name = 'CrashedWhileJoining';
}

/** One topic as a pull: a consumer fills a bounded buffer, `take` empties it. When the buffer is full the consumer waits, with heartbeats. */
export class TopicStream {
  readonly #topic: string;
  readonly #consumer: Consumer;
  #buffer: StoredRecord[] = [];
  #bufferedBytes = 0;
  /** The offset that `take` would give out next. */
  #position: bigint;
  /** The offset that the consumer is to bring next. */
  #expected: bigint;
  #jumps = 0;
  #reseeks = 0;
  #failure: Error | undefined;
  #closed = false;
  readonly #wakers = new Set<() => void>();

  private constructor(consumer: Consumer, topic: string, from: bigint) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#position = from;
    this.#expected = from;
  }

  /** A consumer may crash while it joins its group, without `run` telling: another one is tried, a bounded number of times. */
  static async open(options: TopicStreamOptions): Promise<TopicStream> {
    for (let open = 1; ; open += 1) {
      try {
        return await TopicStream.#open(options);
      } catch (error) {
        if (open >= opensMax || !(error instanceof CrashedWhileJoining)) throw error;
      }
    }
  }

  static async #open({ kafka, topic, groupId, from }: TopicStreamOptions): Promise<TopicStream> {
    const consumer = kafka.consumer({
      groupId,
      allowAutoTopicCreation: false,
      sessionTimeout: sessionMsMax,
      heartbeatInterval: heartbeatEveryMs,
      maxWaitTimeInMs: fetchWaitMsMax,
      maxBytesPerPartition: fetchBytesMax,
      // A crash surfaces as a rejected read; the next read opens another stream.
      retry: { retries: 5, restartOnFailure: async () => false },
    });
    const stream = new TopicStream(consumer, topic, from);
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      consumer.on(consumer.events.CRASH, ({ payload }) => stream.#fail(payload.error));
      await consumer.run({ autoCommit: false, eachBatch: (payload) => stream.#onBatch(payload) });
      stream.#begin(from);
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
    return stream;
  }

  #begin(from: bigint): void {
    try {
      this.#consumer.seek({ topic: this.#topic, partition: 0, offset: from.toString() });
    } catch (error) {
      throw new CrashedWhileJoining('the consumer crashed while it joined its group', {
        cause: this.#failure ?? error,
      });
    }
  }

  get position(): bigint {
    return this.#position;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Goes to an offset that the caller has checked against the topic's bounds. */
  jump(to: bigint): void {
    this.#buffer = [];
    this.#bufferedBytes = 0;
    this.#position = to;
    this.#expected = to;
    this.#jumps += 1;
    this.#reseeks = 0;
    this.#consumer.seek({ topic: this.#topic, partition: 0, offset: to.toString() });
    this.#wake();
  }

  /** What has come, at most `recordsMax`. Throws what ended the stream once the buffer is empty. */
  take(recordsMax: number): StoredRecord[] {
    if (this.#buffer.length === 0 && this.#failure !== undefined) throw this.#failure;
    const records = this.#buffer.splice(0, recordsMax);
    for (const record of records) this.#bufferedBytes -= sizeOf(record);
    this.#position += BigInt(records.length);
    if (records.length > 0) this.#wake();
    return records;
  }

  /** Resolves when something changed, after `ms`, or at an abort. */
  async changed(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        this.#wakers.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end);
      this.#wakers.add(end);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#consumer.disconnect();
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const jumps = this.#jumps;
    const isOver = () =>
      this.#closed || this.#failure !== undefined || jumps !== this.#jumps || payload.isStale() || !payload.isRunning();
    while (!isOver() && this.#bufferedBytes > bufferedBytesMax) {
      await this.changed(heartbeatEveryMs, undefined);
      await payload.heartbeat();
    }
    if (isOver()) {
      // Nobody takes any more: without a pause the consumer would fetch the same again and again.
      if (this.#failure !== undefined) await sleep(fetchWaitMsMax);
      return;
    }
    for (const message of payload.batch.messages) {
      const offset = BigInt(message.offset);
      if (offset !== this.#expected) return this.#reseek(offset);
      const record = this.#verified(message, offset);
      if (record === undefined) return;
      this.#buffer.push(record);
      this.#bufferedBytes += sizeOf(record);
      this.#expected += 1n;
      this.#reseeks = 0;
    }
    this.#wake();
  }

  /** Another offset than the expected one: a fetch from before a seek, or the broker has reset the consumer because the offset is gone. */
  #reseek(found: bigint): void {
    this.#wake();
    this.#reseeks += 1;
    if (this.#reseeks > reseeksMax) return this.#fail(new EventLogGap(this.#topic, this.#expected, found));
    this.#consumer.seek({ topic: this.#topic, partition: 0, offset: this.#expected.toString() });
  }

  #verified({ key, value, headers }: KafkaMessage, offset: bigint): StoredRecord | undefined {
    // kafkajs does not check the record batch's CRC.
    if (value === null || headers?.['leafhash']?.toString() !== leafHashOf(value)) {
      this.#fail(new EventLogRecordAltered(this.#topic, offset));
      return undefined;
    }
    return { offset, key: key?.toString('utf8') ?? '', value: value.toString('utf8') };
  }
}

function sizeOf(record: StoredRecord): number {
  return record.key.length + record.value.length;
}
