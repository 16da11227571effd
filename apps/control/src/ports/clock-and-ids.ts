import type { IdPrefix, PrefixedId } from '@sallyport/ids';

/** Where time and randomness enter. */
export abstract class ClockAndIds {
  abstract nowMs(): number;
  abstract id<Prefix extends IdPrefix>(prefix: Prefix): PrefixedId<Prefix>;
  abstract uuid(): string;
  /** Lower-case letters and digits that fit a DNS label. */
  abstract label(characters: number): string;
  /** Base 64 url of so many random bytes. */
  abstract secret(bytes: number): string;
}
