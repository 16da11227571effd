/** An event about the ledger itself that waits to be published. */
export interface Announcement {
  readonly topic: string;
  readonly key: string;
  /** Canonical CloudEvents JSON. */
  readonly value: string;
  /** Marks it as published. */
  readonly done: () => Promise<void>;
}

/** Signed checkpoints and irregular records that were not published yet, oldest first. */
export abstract class Announcements {
  abstract waiting(limit: number): Promise<readonly Announcement[]>;
}
