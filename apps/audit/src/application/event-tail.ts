import type { LedgerEvent } from '../ports/ledger-reader.ts';

export interface TailLimits {
  readonly eventsMax: number;
  readonly charactersMax: number;
}

/** What a reader of the tail gets: the events that came, or why there will be no more. */
export type TailAnswer = readonly LedgerEvent[] | 'fell-behind' | 'closed';

/** Hands events to whoever follows the ledger, once they are committed. */
export class EventTail {
  readonly #limits: TailLimits;
  readonly #subscriptions = new Set<TailSubscription>();

  constructor(limits: TailLimits) {
    this.#limits = limits;
  }

  publish(events: readonly LedgerEvent[]): void {
    for (const subscription of this.#subscriptions) subscription.offer(events);
  }

  /** Events of one workspace, or of all where it is empty, from now on. */
  subscribe(workspace: string): TailSubscription {
    const subscription = new TailSubscription(workspace, this.#limits, () => this.#subscriptions.delete(subscription));
    this.#subscriptions.add(subscription);
    return subscription;
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.close();
  }
}

/** One reader's place in the tail. A reader that lets more pile up than the limits allow has to begin anew. */
export class TailSubscription {
  readonly #workspace: string;
  readonly #limits: TailLimits;
  readonly #onClose: () => void;
  #waiting: LedgerEvent[] = [];
  #characters = 0;
  #ended: 'fell-behind' | 'closed' | undefined;
  #wake: (() => void) | undefined;

  constructor(workspace: string, limits: TailLimits, onClose: () => void) {
    this.#workspace = workspace;
    this.#limits = limits;
    this.#onClose = onClose;
  }

  offer(events: readonly LedgerEvent[]): void {
    if (this.#ended !== undefined) return;
    for (const event of events) {
      if (this.#workspace !== '' && event.workspace !== this.#workspace) continue;
      this.#waiting.push(event);
      this.#characters += event.envelope.length;
    }
    const { eventsMax, charactersMax } = this.#limits;
    if (this.#waiting.length > eventsMax || this.#characters > charactersMax) this.#end('fell-behind');
    else if (this.#waiting.length > 0) this.#wake?.();
  }

  /** Waits for the next events. One caller at a time. */
  async next(): Promise<TailAnswer> {
    if (this.#waiting.length === 0 && this.#ended === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#wake = undefined;
    if (this.#ended !== undefined) return this.#ended;
    const events = this.#waiting;
    [this.#waiting, this.#characters] = [[], 0];
    return events;
  }

  close(): void {
    this.#end('closed');
  }

  #end(why: 'fell-behind' | 'closed'): void {
    this.#ended ??= why;
    this.#waiting = [];
    this.#onClose();
    this.#wake?.();
  }
}
