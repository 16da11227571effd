import type { Result } from '@sallyport/result';
import type { Checkpoint } from '@sallyport/transparency-log';

/** Why a checkpoint is not signed. Each means that somebody changed the ledger, or lost a part of it. */
export type SigningRefusal = 'tree-shrank' | 'inconsistent-tree' | 'signer-state-lost';

export interface SigningRequest extends Checkpoint {
  /** From the last checkpoint that this signer signed, RFC 6962 §2.1.2; empty for the first. */
  readonly consistency: readonly Uint8Array[];
  /** Whether the ledger knows of earlier checkpoints: a signer without memory of them must not start a second history. */
  readonly hasHistory: boolean;
}

/** Holds the key, and remembers on its own disk what it signed: the first witness of the log. */
export abstract class CheckpointSigner {
  /** Verifier key of the log, `name+hex+base64`. */
  abstract vkey(origin: string): string;
  /** What was signed last; undefined for a log without checkpoint. */
  abstract last(origin: string): Checkpoint | undefined;
  /** The signed note. The same tree again gives the same note. Durable before it resolves. */
  abstract sign(request: SigningRequest): Promise<Result<string, SigningRefusal>>;
}
