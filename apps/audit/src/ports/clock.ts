/** Time and the ids that need it. */
export abstract class Clock {
  /** Milliseconds since 1970. */
  abstract nowMs(): number;
  /** A new UUID version 7. */
  abstract newEventId(): string;
}
