import { deleteRecordsBelow } from '@sallyport/event-log-pg';
import { describe, expect, it } from 'vitest';
import { callRecord } from './call-record.ts';
import { control, records, stateOf as state, toolcall, useLedger } from './ledger-under-test.ts';

describe('a rebuild', () => {
  describe('of an untouched event log', () => {
    const ledger = useLedger();
    it('reproduces every signed root while events come, puts changed rows right and swaps', async () => {
      for (const count of [400, 300, 257]) {
        const { size } = await state(ledger());
        await ledger().publish(toolcall, [
          ...records(count, size + 1),
          callRecord(size + 1),
          { key: 'k', value: `broken ${size}` },
        ]);
        await ledger().ingest();
        await ledger().sign.run(toolcall);
      }
      await ledger().sign.run(control);
      const before = await state(ledger());
      await ledger().pool.query(`update leaf_1 set body = replace(body, '"echo"', '"rm"') where leaf_index = 500`);
      const rebuild = ledger().rebuildWith(100);
      const live = (async () => {
        await ledger().publish(toolcall, records(200, 50_000));
        await ledger().ingest(toolcall, 7);
        await ledger().sign.run(toolcall);
      })();
      const [{ result, progress }] = await Promise.all([ledger().rebuild(rebuild), live]);
      expect(result).toEqual({ ok: true, value: undefined });
      expect(progress.filter(({ swapped }) => swapped).map(({ origin }) => origin)).toEqual(
        ledger().logs.map(({ origin }) => origin),
      );
      expect(ledger().notes).toContainEqual({ what: 'leafDiffered', detail: [toolcall, 500] });
      await ledger().ingest();
      expect((await state(ledger())).size).toBe(before.size + 200);
      await ledger().sign.run(toolcall);
      expect(await ledger().verify(await ledger().export())).toMatchObject({ ok: true });
      const { rows } = await ledger().pool.query(
        "select count(*)::int as count from pg_tables where tablename ~ '^leaf_[0-9]' and schemaname = 'audit'",
      );
      expect(rows).toEqual([{ count: 2 }]);
      const announced = await ledger().pool.query('select count(*)::int as count from irregular_record');
      expect(announced.rows).toEqual([{ count: 3 }]);
    });

    it('runs one at a time', async () => {
      const [one, two] = await Promise.all([
        ledger().rebuild(ledger().rebuildWith()),
        ledger().rebuild(ledger().rebuildWith()),
      ]);
      expect([one, two].map(({ result }) => result.ok).filter(Boolean)).toEqual([true]);
      expect([one, two].find(({ result }) => !result.ok)?.result).toEqual({
        ok: false,
        reason: { code: 'another-rebuild-runs' },
      });
    });

    it('stops when its caller leaves, and leaves nothing', async () => {
      const leave = new AbortController();
      const stopped = ledger()
        .rebuildWith(10)
        .run(async () => leave.abort(new Error('left')), leave.signal);
      await expect(stopped).rejects.toThrow('left');
      const { rows } = await ledger().pool.query('select count(*)::int as count from generation');
      expect(rows).toEqual([{ count: 2 }]);
    });
  });

  describe.each([
    ['changed', `value = replace(value, '"echo"', '"rm"')`, 450, 700],
    ['replaced', `value = 'x'`, 10, 400],
  ])('of an event log with a record that was %s', (_, change, offset, size) => {
    const ledger = useLedger();
    it('names log and size of the first root that differs, and swaps nothing', async () => {
      for (const count of [400, 300, 200]) {
        await ledger().publish(toolcall, records(count, (await state(ledger())).size + 1));
        await ledger().ingest();
        await ledger().sign.run(toolcall);
      }
      await ledger().pool.query(
        `update event_log.record set ${change}
          where "offset" = $1 and topic_id = (select topic_id from event_log.topic where name = $2)`,
        [offset, toolcall],
      );
      const before = await ledger().ledger.live(toolcall);
      const { result, progress } = await ledger().rebuild();
      expect(result).toEqual({ ok: false, reason: { code: 'root-differs', topic: toolcall, size } });
      expect(progress.some(({ swapped }) => swapped)).toBe(false);
      expect((await ledger().ledger.live(toolcall)).generation).toBe(before.generation);
      const { rows } = await ledger().pool.query('select count(*)::int as count from generation');
      expect(rows).toEqual([{ count: 2 }]);
    });
  });

  describe('of an event log that lost records', () => {
    const ledger = useLedger();
    it('is refused, at the beginning as at the end', async () => {
      await ledger().publish(toolcall, records(50));
      await ledger().ingest();
      await ledger().sign.run(toolcall);
      await ledger().pool.query(
        `delete from event_log.record where "offset" >= 40 and topic_id = (select topic_id from event_log.topic where name = $1)`,
        [toolcall],
      );
      await ledger().pool.query('update event_log.topic set next_offset = 40 where name = $1', [toolcall]);
      const { result } = await ledger().rebuild(ledger().rebuildWith());
      expect(result).toEqual({
        ok: false,
        reason: { code: 'event-log-ends-early', topic: toolcall, nextOffset: 40n },
      });
      await deleteRecordsBelow(ledger().logPool, toolcall, 5n);
      expect((await ledger().rebuild(ledger().rebuildWith())).result).toEqual({
        ok: false,
        reason: { code: 'event-log-incomplete', topic: toolcall, firstOffset: 5n },
      });
    });
  });
});
