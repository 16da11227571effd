import { randomBytes } from 'node:crypto';
import { uuidV7FromParts } from '@sallyport/ids';
import { Clock } from '../ports/clock.ts';

export class SystemClock extends Clock {
  override nowMs(): number {
    return Date.now();
  }

  override newEventId(): string {
    return uuidV7FromParts(Date.now(), randomBytes(10));
  }
}
