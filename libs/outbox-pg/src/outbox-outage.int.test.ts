import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLogPublisher } from '@sallyport/event-log';
import { migrate } from '@sallyport/pg';
import { EmbeddedPostgres } from '@sallyport/pg-embedded';
import { expect, it } from 'vitest';
import { outboxMigrations, OutboxRelay } from './index.ts';
import {
  brokenSources,
  draft,
  openOutboxPool,
  openWriter,
  type PublishedEvent,
  withoutDuplicates,
} from './testing/outbox-fixture.ts';

class CollectingPublisher extends EventLogPublisher {
  readonly events: PublishedEvent[];

  constructor(events: PublishedEvent[]) {
    super();
    this.events = events;
  }

  async publishBatch(_topic: string, records: readonly { value: string }[]) {
    const baseOffset = BigInt(this.events.length);
    this.events.push(...records.map((record) => JSON.parse(record.value) as PublishedEvent));
    return { baseOffset };
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

it('refuses within two seconds while PostgreSQL is down, and recovers by itself with nothing lost', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-outage-'));
  chmodSync(directory, 0o755);
  const start = () => EmbeddedPostgres.start({ directory, superuserPassword: 'test' });
  let postgres = await start();
  const url = postgres.url('postgres', 'postgres').replace('postgres@', 'postgres:test@');
  const pool = openOutboxPool(url);
  await migrate(pool, 'svc', outboxMigrations);
  const published: PublishedEvent[] = [];
  const relay = new OutboxRelay({ pool, openPublisher: async () => new CollectingPublisher(published), pollMs: 50 });
  relay.start();
  const writer = openWriter(pool, 'router-1', { onCommitted: () => relay.hint() });
  const committed: string[] = [];
  const commitSome = async (prefix: string, count: number) => {
    const answers = new Set<string>();
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const startedMs = performance.now();
        const result = await writer.commit({ events: [draft(`${prefix}${index}`)] });
        answers.add(result.ok ? 'ok' : result.reason);
        if (result.ok) committed.push(`${prefix}${index}`);
        expect(performance.now() - startedMs).toBeLessThan(2_000);
      }),
    );
    return [...answers];
  };
  try {
    for (let round = 0; round < 2; round += 1) {
      expect(await commitSome(`up${round}-`, 50)).toEqual(['ok']);
      const busy = commitSome(`busy${round}-`, 200);
      await postgres.stop();
      await busy;
      expect(await commitSome(`down${round}-`, 50)).toEqual(['unavailable']);
      const startedMs = performance.now();
      expect(await commitSome(`fast${round}-`, 50)).toEqual(['unavailable']);
      expect(performance.now() - startedMs).toBeLessThan(100);
      postgres = await start();
      await expect.poll(() => commitSome(`back${round}-${Math.random()}-`, 1), { timeout: 10_000 }).toEqual(['ok']);
    }
    const distinct = () => withoutDuplicates(published);
    await expect
      .poll(() => distinct().filter(({ id }) => committed.includes(id)).length, { timeout: 10_000 })
      .toBe(committed.length);
    expect(brokenSources(distinct())).toEqual([]);
    expect(published.filter(({ id }) => id.startsWith('down') || id.startsWith('fast'))).toEqual([]);
  } finally {
    await writer.close();
    await relay.stop();
    await pool.end();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
