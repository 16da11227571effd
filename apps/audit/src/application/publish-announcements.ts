import type { EventLogPublisher } from '@sallyport/event-log';
import type { Announcements } from '../ports/announcements.ts';

const perRunMax = 200;

/** Publishes what the ledger has to say of itself, at least once, one record at a time and in order. */
export class PublishAnnouncements {
  readonly #announcements: Announcements;
  readonly #openPublisher: () => Promise<EventLogPublisher>;
  #publisher: EventLogPublisher | undefined;

  constructor(announcements: Announcements, openPublisher: () => Promise<EventLogPublisher>) {
    this.#announcements = announcements;
    this.#openPublisher = openPublisher;
  }

  async run(): Promise<void> {
    const waiting = await this.#announcements.waiting(perRunMax);
    if (waiting.length === 0) return;
    const publisher = (this.#publisher ??= await this.#openPublisher());
    try {
      for (const { topic, key, value, done } of waiting) {
        await publisher.publishBatch(topic, [{ key, value }]);
        await done();
      }
    } catch (error) {
      // After a rejection nothing is known of the publisher's state: the same records go again through a new one.
      this.#publisher = undefined;
      await publisher.close().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#publisher?.close();
  }
}
