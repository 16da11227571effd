import { auditTopic, envelopeSchemas } from '@sallyport/audit-events';
import { deleteRecordsBelow, PgEventLogPublisher } from '@sallyport/event-log-pg';
import { describe, expect, it } from 'vitest';
import { callRecord } from './call-record.ts';
import { control, records, rootOf, stateOf as state, toolcall, useLedger, values } from './ledger-under-test.ts';
import { PublishAnnouncements } from './application/publish-announcements.ts';

describe('ingestion', () => {
  describe('of a topic', () => {
    const ledger = useLedger();
    it('gives every event its leaf, in order, whatever the batches', async () => {
      const all = records(1_300);
      await ledger().publish(toolcall, all);
      const committed = [...(await ledger().ingest(toolcall, 97)), ...(await ledger().ingest())];
      expect(committed.map(({ leafIndex }) => leafIndex)).toEqual(all.map((_, index) => index));
      expect(await state(ledger())).toEqual({ nextOffset: 1_300n, size: 1_300, root: rootOf(values(all)) });
    });

    it('skips what comes again, gives a conflict and a broken record a leaf, and says so', async () => {
      const before = values(records(1_300));
      const conflict = callRecord(9_000, { id: 5 });
      const broken = ['not json', 'nul \\u0000 and {', `"${'x'.repeat(70_000)}"`];
      const again = [
        ...records(3),
        conflict,
        ...broken.map((value) => ({ key: 'k', value })),
        conflict,
        callRecord(1_301),
      ];
      await ledger().publish(toolcall, again);
      await ledger().ingest();
      const tooLarge = '{"bytes":70002,"offset":"1306","type":"sallyport.ledger.too_large.v1"}';
      const leaves = [...before, conflict.value, broken[0]!, broken[1]!, tooLarge, callRecord(1_301).value];
      expect(await state(ledger())).toEqual({ nextOffset: 1_309n, size: 1_305, root: rootOf(leaves) });

      const publish = new PublishAnnouncements(
        ledger().announcements,
        async () => new PgEventLogPublisher(ledger().logPool),
      );
      await publish.run();
      await publish.run();
      const dead = await ledger().eventLogReader.read(auditTopic.deadLetter, 0n, { recordsMax: 10, waitMsMax: 0 });
      for (const { value } of dead) {
        const envelope = JSON.parse(value) as { type: string };
        expect(
          envelopeSchemas.find(({ type }) => type === envelope.type)?.schema.safeParse(envelope).error,
        ).toBeUndefined();
      }
      expect(dead.map(({ value }) => JSON.parse(value) as { type: string; data: object })).toMatchObject([
        { type: 'sallyport.ledger.conflict.v1', data: { leafIndex: 1_300, offset: 1_303, reason: 'id-taken' } },
        { type: 'sallyport.ledger.unparseable.v1', data: { rawBase64: Buffer.from('not json').toString('base64') } },
        { type: 'sallyport.ledger.unparseable.v1', data: { reason: 'not-json' } },
        { type: 'sallyport.ledger.unparseable.v1', data: { reason: 'too-large' } },
      ]);
    });

    it('lets a second process that is behind change nothing', async () => {
      const was = await state(ledger());
      await Promise.all([ledger().ingest(), ledger().ingest(), ledger().ingest(toolcall, 10)]);
      expect(await state(ledger())).toEqual(was);
      await ledger().publish(toolcall, records(400, 2_000));
      await Promise.all([ledger().ingest(toolcall, 13), ledger().ingest(toolcall, 31)]);
      const { rows } = await ledger().pool.query(
        'select count(*)::int as count, count(distinct leaf_index)::int as leaves from leaf_1',
      );
      expect([rows[0], (await state(ledger())).size]).toEqual([{ count: 1_705, leaves: 1_705 }, 1_705]);
    });

    it('outlives a database that drops its connections in the middle of batches', async () => {
      await ledger().publish(toolcall, records(2_000, 10_000));
      const { nextOffset } = await state(ledger());
      const ended = new AbortController();
      const dropping = (async () => {
        while (!ended.signal.aborted) {
          await ledger().logPool.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
          );
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
      })();
      for (let runs = 0; runs < 20; runs += 1)
        await ledger()
          .ingest(toolcall, 50)
          .catch(() => undefined);
      ended.abort();
      await dropping;
      ledger().notes.length = 0;
      await ledger().ingest();
      expect((await state(ledger())).nextOffset).toBe(nextOffset + 2_000n);
      const { rows } = await ledger().pool.query(
        'select count(*)::int as count, max(leaf_index)::int as last from leaf_1',
      );
      expect(rows).toEqual([{ count: 3_705, last: 3_704 }]);
    });

    it('counts what each source wrote', async () => {
      const [source] = await ledger().ledger.sources(60_000);
      expect(source).toEqual({ source: 'router/1', lastSequence: 11_999, events: 3_701 });
    });

    it('keeps a log under its origin', async () => {
      await expect(ledger().ledger.open([{ topic: toolcall, origin: 'other/audit/x/1/t/p0' }])).rejects.toThrow(
        /keeps its origin/,
      );
    });
  });

  describe('of a topic with a gap', () => {
    const ledger = useLedger();
    it('stops the log, says why, and reads nothing more', async () => {
      await ledger().publish(toolcall, records(20));
      await ledger().ingest(toolcall, 5);
      await ledger().publish(toolcall, records(20, 21));
      await deleteRecordsBelow(ledger().logPool, toolcall, 25n);
      await ledger().ingest();
      expect(ledger().notes).toEqual([
        { what: 'halted', detail: [toolcall, expect.stringContaining('offset 20 was wanted, 25')] },
      ]);
      expect(await state(ledger())).toMatchObject({
        nextOffset: 20n,
        size: 20,
        haltedReason: expect.stringContaining('20') as string,
      });
      expect((await state(ledger(), control)).haltedReason).toBeUndefined();
    });
  });
});
