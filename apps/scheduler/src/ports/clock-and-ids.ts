import type { IdPrefix, PrefixedId } from '@sallyport/ids';

/** Where time and randomness enter. */
export abstract class ClockAndIds {
  abstract nowMs(): number;
  abstract id<Prefix extends IdPrefix>(prefix: Prefix): PrefixedId<Prefix>;
  /** UUID version 7. */
  abstract uuid(): string;
}
