/** Where time and randomness enter. */
export abstract class ClockAndIds {
  abstract nowMs(): number;
  /** `call_…`. */
  abstract callId(): string;
  /** UUID version 7. */
  abstract uuid(): string;
}
