import type { payloadCommitment } from '@sallyport/audit-events';
import type { RelayDataListener, RelayMark } from '@sallyport/mcp-wire';

/** Makes a commitment to the result of the call in hand. */
export type CommitResult = () => ReturnType<typeof payloadCommitment>;

interface Commitment {
  readonly commitment: string;
  readonly bytes: number;
}

/** Commits to the messages of a stream as their text goes by, so that none has to be kept, however long it is. */
export class AnswerCommitments implements RelayDataListener {
  readonly #commitResult: CommitResult;
  readonly #made = new WeakMap<RelayMark, Commitment>();
  #current: ReturnType<CommitResult> | undefined;

  constructor(commitResult: CommitResult) {
    this.#commitResult = commitResult;
  }

  of(mark: RelayMark): Commitment | undefined {
    return this.#made.get(mark);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#current ??= this.#commitResult();
    this.#current.update(bytes.subarray(start, end));
  }

  onMark(mark: RelayMark): void {
    if (mark.message !== undefined && this.#current !== undefined) this.#made.set(mark, this.#current.finish());
    this.#current = undefined;
  }

  onEventEnd(): void {
    this.#current = undefined;
  }
}
