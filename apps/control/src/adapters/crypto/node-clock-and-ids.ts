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

  override label(characters: number): string {
    const alphabet = 'abcdefghjkmnpqrstvwxyz0123456789';
    return Array.from(randomBytes(characters), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
  }

  override secret(bytes: number): string {
    return randomBytes(bytes).toString('base64url');
  }
}
