/** Milliseconds that never jump. */
export abstract class MonotonicClock {
  abstract nowMs(): number;
}
