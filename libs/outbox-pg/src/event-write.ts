/** The place of an event in its writer's stream. Sequences count from 1 without gaps; a gap downstream means loss. */
export interface EventStamp {
  readonly source: string;
  readonly sequence: bigint;
}

export interface EventDraft {
  readonly topic: string;
  /** Orders within the topic: events of one key are read in the order they were committed. */
  readonly key: string;
  /** Unique; readers drop duplicates by it, so the same event keeps its id however often it is sent. */
  readonly eventId: string;
  /** The canonical text. Pure: it is called again with another stamp when the first attempt has certainly failed. */
  build(stamp: EventStamp): string;
}

/** The row that says "this call was dispatched and has not ended". */
export interface OpenCall {
  readonly callId: string;
  /** The `seq` that the call's next event would have. */
  readonly nextSeq: number;
  /** What the sweeper's draft needs to write `orphaned`; opaque here. No payloads. */
  readonly context: string;
}

/** Committed in one durable transaction, or not at all. */
export interface EventWrite {
  readonly events: readonly EventDraft[];
  readonly open?: OpenCall;
  /** Ends this call: the open row is deleted in the same transaction, and where it is gone nothing is written. */
  readonly close?: string;
  /** A full outbox refuses new calls and takes what ends old ones. Default: `accept` with `close`, else `refuse`. */
  readonly whenFull?: 'refuse' | 'accept';
}

/**
 * - `outbox_full`: the limit in rows or age is reached; nothing was written.
 * - `writes_waiting_full`: `writesWaitingMax` writes wait already; nothing was written.
 * - `unavailable`: PostgreSQL could not be asked in time; nothing was written, and nothing will be.
 * - `outcome_unknown`: the answer was lost and could not be found out in time; the write is in the outbox whole or not at all. An `open` is not
 *   renewed, so the sweeper will end that call.
 * - `already_closed`: the call of `close` was ended by somebody else (the sweeper); nothing was written.
 */
export type CommitRefusal =
  | 'outbox_full'
  | 'writes_waiting_full'
  | 'unavailable'
  | 'outcome_unknown'
  | 'already_closed';
