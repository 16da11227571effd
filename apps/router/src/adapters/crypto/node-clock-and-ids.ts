import { randomFillSync } from 'node:crypto';
import { prefixedIdFromBytes, uuidV7FromParts } from '@sallyport/ids';
import { ClockAndIds } from '../../ports/clock-and-ids.ts';

const callIdBytes = 16;
const uuidBytes = 10;

/** Random bytes are drawn in blocks: several ids are made for every call. */
export class NodeClockAndIds extends ClockAndIds {
  readonly #block = Buffer.allocUnsafe(4_096);
  #used = this.#block.length;

  override nowMs(): number {
    return Date.now();
  }

  override callId(): string {
    return prefixedIdFromBytes('call', this.#random(callIdBytes));
  }

  override uuid(): string {
    return uuidV7FromParts(Date.now(), this.#random(uuidBytes));
  }

  #random(bytes: number): Buffer {
    if (this.#used + bytes > this.#block.length) {
      randomFillSync(this.#block);
      this.#used = 0;
    }
    const slice = this.#block.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return slice;
  }
}
