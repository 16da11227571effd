import { type SequenceAlarm, SequenceWatch } from '../domain/sequence-watch.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';

const graceMs = 30_000;
const writtenWithinMs = 3_600_000;

/** Raises an alarm where events of a source are missing for good. The ledger goes on: it says what it has, and this says what it lacks. */
export class WatchSequences {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #alarm: (alarm: SequenceAlarm) => void;
  readonly #watch = new SequenceWatch(graceMs);

  constructor(ledger: Ledger, clock: Clock, alarm: (alarm: SequenceAlarm) => void) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#alarm = alarm;
  }

  async run(): Promise<void> {
    const states = await this.#ledger.sources(writtenWithinMs);
    for (const alarm of this.#watch.observe(states, this.#clock.nowMs())) this.#alarm(alarm);
  }
}
