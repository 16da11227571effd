import type { TileHashes } from '@sallyport/transparency-log';

export interface LedgerEvent {
  readonly topic: string;
  readonly origin: string;
  readonly leafIndex: number;
  readonly workspace: string;
  /** The canonical bytes that were hashed. */
  readonly envelope: string;
  readonly timeMs: number;
}

/** Exact filters; an empty text is none. */
export interface EventFilter {
  readonly workspace: string;
  readonly callId: string;
  readonly type: string;
  readonly tool: string;
  readonly tunnel: string;
  readonly principal: string;
  readonly phase: string;
  readonly fromTime: string;
  readonly toTime: string;
}

export const noFilter: EventFilter = {
  workspace: '',
  callId: '',
  type: '',
  tool: '',
  tunnel: '',
  principal: '',
  phase: '',
  fromTime: '',
  toTime: '',
};

export interface EventRange {
  readonly topic: string;
  /** Where to go on: included when it goes up, excluded when it goes down; undefined from the end. */
  readonly from: number | undefined;
  readonly newestFirst: boolean;
  readonly limit: number;
}

export interface StoredLeaf {
  readonly hash: Uint8Array;
  readonly entry: Uint8Array;
}

/** The reading side: live generations only. Rejects with LedgerReplaced where a rebuild took the generation away in between, with SearchTooBroad where reading took too long. */
export abstract class LedgerReader {
  abstract range(filter: EventFilter, range: EventRange): Promise<readonly LedgerEvent[]>;
  /** All events of a call, by its own sequence. */
  abstract call(topic: string, workspace: string, callId: string): Promise<readonly LedgerEvent[]>;
  abstract leaves(topic: string, fromIndex: number, toIndex: number): Promise<readonly StoredLeaf[]>;
  abstract hashes(topic: string): TileHashes;
}

/** A rebuild was swapped in while something read: ask again. */
export class LedgerReplaced extends Error {
  override readonly name = 'LedgerReplaced';
}

/** What was asked for is so spread that it was not found in the time of a statement. */
export class SearchTooBroad extends Error {
  override readonly name = 'SearchTooBroad';
}
