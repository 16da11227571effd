import { type ExportFile, type ExportLeaf, exportFiles } from '@sallyport/transparency-log';
import type { CheckpointStore } from '../ports/checkpoint-store.ts';
import type { LedgerReader } from '../ports/ledger-reader.ts';

const leavesPerRead = 1_024;

/** The files of a verifiable export: per log, in a folder named after its topic, just what its newest checkpoint needs. */
export class ExportLogs {
  readonly #reader: LedgerReader;
  readonly #store: CheckpointStore;
  readonly #logs: readonly { readonly topic: string; readonly origin: string }[];

  constructor(
    reader: LedgerReader,
    store: CheckpointStore,
    logs: readonly { readonly topic: string; readonly origin: string }[],
  ) {
    this.#reader = reader;
    this.#store = store;
    this.#logs = logs;
  }

  async *run(): AsyncGenerator<ExportFile> {
    for (const { topic, origin } of this.#logs) {
      const checkpoint = await this.#store.newest(origin);
      if (checkpoint === undefined) continue;
      for await (const file of exportFiles(checkpoint.size, checkpoint.note, this.#leaves(topic, checkpoint.size)))
        yield { path: `${topic}/${file.path}`, data: file.data };
    }
  }

  async *#leaves(topic: string, size: number): AsyncGenerator<ExportLeaf> {
    for (let from = 0; from < size; from += leavesPerRead)
      yield* await this.#reader.leaves(topic, from, Math.min(size, from + leavesPerRead));
  }
}
