import { type Result, fail, ok } from '@sallyport/result';
import { TileHashReader, inclusionProof } from '@sallyport/transparency-log';
import type { CheckpointSigner } from '../ports/checkpoint-signer.ts';
import type { CheckpointStore, SignedCheckpoint } from '../ports/checkpoint-store.ts';
import type { LedgerEvent, LedgerReader } from '../ports/ledger-reader.ts';

export interface EventProof {
  readonly event: LedgerEvent;
  readonly checkpoint: SignedCheckpoint;
  /** Leaf to root. */
  readonly path: readonly Uint8Array[];
  readonly vkey: string;
}

export type ProveRefusal = 'no-such-call' | 'not-signed-yet';

/** Proves all events of a call against the newest checkpoint. */
export class ProveCall {
  readonly #reader: LedgerReader;
  readonly #store: CheckpointStore;
  readonly #signer: CheckpointSigner;
  readonly #topic: string;

  constructor(reader: LedgerReader, store: CheckpointStore, signer: CheckpointSigner, topic: string) {
    this.#reader = reader;
    this.#store = store;
    this.#signer = signer;
    this.#topic = topic;
  }

  async run(workspace: string, callId: string): Promise<Result<readonly EventProof[], ProveRefusal>> {
    const events = await this.#reader.call(this.#topic, workspace, callId);
    const [first] = events;
    if (first === undefined) return fail('no-such-call');
    const checkpoint = await this.#store.newest(first.origin);
    if (checkpoint === undefined) return fail('not-signed-yet');
    const hashes = new TileHashReader(this.#reader.hashes(this.#topic));
    const proofs: EventProof[] = [];
    for (const event of events) {
      const path = await inclusionProof(hashes, event.leafIndex, checkpoint.size);
      if (!path.ok) return fail('not-signed-yet');
      proofs.push({ event, checkpoint, path: path.value, vkey: this.#signer.vkey(event.origin) });
    }
    return ok(proofs);
  }
}
