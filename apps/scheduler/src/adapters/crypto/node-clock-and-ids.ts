import { randomBytes } from 'node:crypto';
import { type IdPrefix, prefixedIdFromBytes, uuidV7FromParts } from '@sallyport/ids';
import { ClockAndIds } from '../../ports/clock-and-ids.ts';

export class NodeClockAndIds extends ClockAndIds {
  override nowMs(): number {
    return Date.now();
  }

  override id<Prefix extends IdPrefix>(prefix: Prefix) {
    return prefixedIdFromBytes(prefix, randomBytes(16));
  }

  override uuid(): string {
    return uuidV7FromParts(Date.now(), randomBytes(10));
  }
}
