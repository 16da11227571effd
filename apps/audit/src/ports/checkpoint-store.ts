/** A checkpoint as it was signed. */
export interface SignedCheckpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
  /** UUID and time of the event that announces it. */
  readonly eventId: string;
  readonly signedAtMs: number;
}

/** Every checkpoint ever signed. */
export abstract class CheckpointStore {
  /** Of a checkpoint of the same size the first stays. */
  abstract add(checkpoint: SignedCheckpoint): Promise<void>;
  abstract newest(origin: string): Promise<SignedCheckpoint | undefined>;
  /** Those with `fromSize` < size ≤ `toSize`, by size. */
  abstract between(origin: string, fromSize: number, toSize: number): Promise<readonly SignedCheckpoint[]>;
}
