import type { CheckpointSigner } from '../ports/checkpoint-signer.ts';
import type { CheckpointStore, SignedCheckpoint } from '../ports/checkpoint-store.ts';
import type { Ledger, LiveLog } from '../ports/ledger.ts';

export interface LogState {
  readonly log: LiveLog;
  readonly vkey: string;
  readonly signed: SignedCheckpoint | undefined;
}

/** How every log stands. */
export class ListLogs {
  readonly #ledger: Ledger;
  readonly #store: CheckpointStore;
  readonly #signer: CheckpointSigner;
  readonly #topics: readonly string[];

  constructor(ledger: Ledger, store: CheckpointStore, signer: CheckpointSigner, topics: readonly string[]) {
    this.#ledger = ledger;
    this.#store = store;
    this.#signer = signer;
    this.#topics = topics;
  }

  run(): Promise<readonly LogState[]> {
    return Promise.all(
      this.#topics.map(async (topic) => {
        const log = await this.#ledger.live(topic);
        return { log, vkey: this.#signer.vkey(log.origin), signed: await this.#store.newest(log.origin) };
      }),
    );
  }
}
