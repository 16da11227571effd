import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LedgerUnderTest, control, records, toolcall, useLedger } from './ledger-under-test.ts';

describe('exports', () => {
  const ledger = useLedger();
  const tools = join(import.meta.dirname, '../../../tools/verify-tiles/verify-tiles.mjs');
  let first: Awaited<ReturnType<LedgerUnderTest['export']>>;

  it('verify, by our verifier and by the one that shares no code with us', async () => {
    await ledger().publish(toolcall, records(1_000));
    await ledger().publish(control, [{ key: 'k', value: 'not an event' }, ...records(3, 5_000)]);
    for (const topic of [toolcall, control])
      await ledger()
        .ingest(topic)
        .then(() => ledger().sign.run(topic));
    // Leaves beyond the checkpoint are no part of the export.
    await ledger().publish(toolcall, records(300, 1_001));
    await ledger().ingest();
    first = await ledger().export();
    expect([...first.keys()]).toEqual([toolcall, control]);
    expect(first.get(control)?.size).toBe(3);
    expect(await ledger().verify(first)).toMatchObject({ ok: true, value: [{ size: 1_000 }, { size: 4 }] });
    const directory = join(ledger().directory, 'export');
    for (const [log, files] of first)
      for (const [path, data] of files) {
        mkdirSync(dirname(join(directory, log, path)), { recursive: true });
        writeFileSync(join(directory, log, path), data);
      }
    const vkeys = join(ledger().directory, 'vkeys');
    writeFileSync(
      vkeys,
      ledger()
        .logs.map(({ origin }) => `${ledger().signer.vkey(origin)}\n`)
        .join(''),
    );
    const verified = spawnSync(process.execPath, [tools, directory, '--vkeys', vkeys], { encoding: 'utf8' });
    expect([verified.stdout.includes(`${toolcall}: verified, 1000 leaves`), verified.status]).toEqual([true, 0]);
    expect(readFileSync(join(directory, control, 'checkpoint'), 'utf8')).toContain(control);
  });

  it('extend older ones', async () => {
    await ledger().sign.run(toolcall);
    const second = await ledger().export();
    expect(await ledger().verify(second, first)).toMatchObject({ ok: true, value: [{ size: 1_300 }, { size: 4 }] });
    expect(await ledger().verify(first, second)).toMatchObject({ ok: false, reason: [{ code: 'log-shrank' }] });
  });

  it('name the leaf of a row that was changed in the ledger', async () => {
    await ledger().pool.query(`update leaf_1 set body = replace(body, '"echo"', '"rm"') where leaf_index = 777`);
    expect(await ledger().verify(await ledger().export())).toEqual({
      ok: false,
      reason: [{ code: 'wrong-entry', log: toolcall, path: 'tile/entries/003', leafIndex: 777, leafCount: 1 }],
    });
    await ledger().pool.query('delete from leaf_1 where leaf_index = 778');
    await expect(ledger().export()).rejects.toThrow('leaf 778 is missing');
  });
});
