/** A record to append: the key orders, the value is the canonical CloudEvents JSON that the ledger hashes. */
export interface EventRecord {
  readonly key: string;
  readonly value: string;
}

export interface StoredRecord extends EventRecord {
  readonly offset: bigint;
}

/** Offsets that a topic can serve: `first` is the oldest that retention has left, `next` the one after the newest. */
export interface TopicBounds {
  readonly first: bigint;
  readonly next: bigint;
}

export interface ReadOptions {
  readonly recordsMax: number;
  /** How long to wait for a first record; 0 does not wait. */
  readonly waitMsMax: number;
  /** An aborted wait answers with no records, at once. */
  readonly signal?: AbortSignal;
}

/**
 * The writing end. Every topic has one partition, so an offset orders a topic. A topic is made by the deployment, never by a publish.
 * A rejected promise means that nothing is known: the same records are to be published again, and a reader drops duplicates by event id.
 */
export abstract class EventLogPublisher {
  /**
   * Appends in order and resolves once the records are durable, with the offset of the first; an offset that does not rise from batch to batch
   * means that an append was lost. At most 500 records or 512 KB. Never called while another call of this publisher is pending.
   */
  abstract publishBatch(topic: string, records: readonly EventRecord[]): Promise<{ readonly baseOffset: bigint }>;
  /** A publish after this rejects. */
  abstract close(): Promise<void>;
}

/** The reading end. The reader keeps no position: whoever projects the records stores the next offset with its rows. One read per topic at a time. */
export abstract class EventLogReader {
  /**
   * Reads from an offset, in order and without gaps; an empty answer means that nothing came within `waitMsMax`.
   * Rejects with EventLogGap where retention has removed the offset, a record is missing, or the log ends before the offset.
   */
  abstract read(topic: string, fromOffset: bigint, options: ReadOptions): Promise<readonly StoredRecord[]>;
  abstract bounds(topic: string): Promise<TopicBounds>;
  /** Pending reads answer with no records; a read after this rejects. */
  abstract close(): Promise<void>;
}

/** Records that should be there are not: reading on would lose them, so a person has to decide. */
export class EventLogGap extends Error {
  override readonly name = 'EventLogGap';
  readonly topic: string;
  readonly wantedOffset: bigint;
  readonly foundOffset: bigint;

  constructor(topic: string, wantedOffset: bigint, foundOffset: bigint) {
    super(`${topic}: offset ${wantedOffset} was wanted, ${foundOffset} is the next one there is`);
    this.topic = topic;
    this.wantedOffset = wantedOffset;
    this.foundOffset = foundOffset;
  }
}

/** A record is not what its publisher sent, or was not sent by one of ours: nothing behind it is read until a person has looked. */
export class EventLogRecordAltered extends Error {
  override readonly name = 'EventLogRecordAltered';
  readonly topic: string;
  readonly offset: bigint;

  constructor(topic: string, offset: bigint) {
    super(`${topic}: the record at offset ${offset} does not have the leaf hash that it was published with`);
    this.topic = topic;
    this.offset = offset;
  }
}
