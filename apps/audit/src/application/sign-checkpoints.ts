import { TileHashReader, consistencyProof } from '@sallyport/transparency-log';
import type { SigningRefusal, CheckpointSigner } from '../ports/checkpoint-signer.ts';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';
import type { Ledger } from '../ports/ledger.ts';

export interface SigningSignals {
  signed(topic: string, size: number): void;
  /** An alarm: the ledger is not what the signer signed before. */
  signingRefused(topic: string, size: number, reason: SigningRefusal): void;
}

/** Signs the tree of a log where it grew since the last checkpoint. */
export class SignCheckpoints {
  readonly #ledger: Ledger;
  readonly #reader: LedgerReader;
  readonly #store: CheckpointStore;
  readonly #signer: CheckpointSigner;
  readonly #clock: Clock;
  readonly #signals: SigningSignals;

  constructor(parts: {
    readonly ledger: Ledger;
    readonly reader: LedgerReader;
    readonly store: CheckpointStore;
    readonly signer: CheckpointSigner;
    readonly clock: Clock;
    readonly signals: SigningSignals;
  }) {
    this.#ledger = parts.ledger;
    this.#reader = parts.reader;
    this.#store = parts.store;
    this.#signer = parts.signer;
    this.#clock = parts.clock;
    this.#signals = parts.signals;
  }

  /** True where a new checkpoint stands in the store. */
  async run(topic: string): Promise<boolean> {
    const { origin, position } = await this.#ledger.live(topic);
    const size = position.frontier.size;
    const stored = await this.#store.newest(origin);
    if (stored?.size === size) return false;
    const note = await this.#sign(topic, origin, size, position.frontier.root(), stored !== undefined);
    if (note === undefined) return false;
    await this.#store.add({
      origin,
      size,
      root: position.frontier.root(),
      note,
      eventId: this.#clock.newEventId(),
      signedAtMs: this.#clock.nowMs(),
    });
    this.#signals.signed(topic, size);
    return true;
  }

  async #sign(
    topic: string,
    origin: string,
    size: number,
    root: Uint8Array,
    hasHistory: boolean,
  ): Promise<string | undefined> {
    const lastSize = this.#signer.last(origin)?.size ?? 0;
    const proof = await consistencyProof(new TileHashReader(this.#reader.hashes(topic)), lastSize, size);
    // A tree that shrank has no proof: the signer says so itself.
    const consistency = proof.ok ? proof.value : [];
    const signed = await this.#signer.sign({ origin, size, root, consistency, hasHistory });
    if (signed.ok) return signed.value;
    this.#signals.signingRefused(topic, size, signed.reason);
    return undefined;
  }
}
