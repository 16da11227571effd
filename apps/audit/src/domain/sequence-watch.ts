/** How far a source has come: its highest sequence, and how many of its events the ledger holds. Without loss the two are equal. */
export interface SourceState {
  readonly source: string;
  readonly lastSequence: number;
  readonly events: number;
}

export interface SequenceAlarm {
  readonly source: string;
  /** Below 0 where a source used a sequence twice. */
  readonly missing: number;
}

interface Watched {
  /** The difference nearest to 0 since `sinceMs`. */
  nearest: number;
  sinceMs: number;
  alarmed: number;
}

/**
 * Tells lost events from late ones. A source numbers its events across topics, and the logs are read apart, so that a difference is normal for a
 * moment; one that was never gone for `graceMs` is an alarm, once per amount.
 */
export class SequenceWatch {
  readonly #graceMs: number;
  #watched = new Map<string, Watched>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** Takes the states of all sources that still write. */
  observe(states: readonly SourceState[], nowMs: number): SequenceAlarm[] {
    const alarms: SequenceAlarm[] = [];
    const watched = new Map<string, Watched>();
    for (const { source, lastSequence, events } of states) {
      const missing = lastSequence - events;
      const before = this.#watched.get(source) ?? { nearest: missing, sinceMs: nowMs, alarmed: 0 };
      const next = { ...before, nearest: Math.abs(missing) < Math.abs(before.nearest) ? missing : before.nearest };
      if (nowMs - next.sinceMs >= this.#graceMs) {
        if (next.nearest !== 0 && next.nearest !== next.alarmed) alarms.push({ source, missing: next.nearest });
        watched.set(source, { nearest: missing, sinceMs: nowMs, alarmed: next.nearest });
      } else {
        watched.set(source, next);
      }
    }
    this.#watched = watched;
    return alarms;
  }
}
