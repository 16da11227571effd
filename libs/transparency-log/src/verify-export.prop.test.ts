import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeEntryBundle } from './entry-bundle.ts';
import { describeFault } from './export-fault.ts';
import { logOrigin } from './log-origin.ts';
import { MemoryFiles, MemoryLog } from './memory-log.ts';
import { leafHash } from './merkle-hash.ts';
import { noteSignerFromSeed } from './note-keys.ts';
import { entriesPath, tilePath, tilesOf } from './tile-layout.ts';
import { verifyExport } from './verify-export.ts';

const topic = 'sallyport.toolcall.v1';
const signer = noteSignerFromSeed(logOrigin({ host: 'h', deployment: 'd', epoch: 1, topic }), Buffer.alloc(32, 3));
const verifiers = [signer.verifier];

function logOf(size: number, changedFrom = size): MemoryLog {
  const log = new MemoryLog();
  for (let index = 0; index < size; index += 1)
    log.append(`{"id":${index}${index >= changedFrom ? ',"changed":true' : ''}}`);
  return log;
}

const verify = (files: MemoryFiles, older?: MemoryFiles) =>
  verifyExport({ logs: new Map([[topic, files]]), verifiers, ...(older && { olderLogs: new Map([[topic, older]]) }) });

const sizes = [0, 1, 2, 255, 256, 257, 600, 66_000];
const exports = new Map<number, MemoryFiles>();
for (const size of sizes) exports.set(size, await logOf(size).export(signer));
const exported = (size: number) => new MemoryFiles(exports.get(size)!.files);

describe('verification of an export', () => {
  it.each(sizes)('accepts a log of %d leaves, which has exactly the files it needs', async (size) => {
    const files = exported(size);
    const needed = ['checkpoint'];
    for (const tile of tilesOf(size)) {
      needed.push(tilePath(tile));
      if (tile.level === 0) needed.push(entriesPath(tile.index, tile.width));
    }
    expect([...files.files.keys()].sort()).toEqual(needed.sort());
    expect(await verify(files)).toMatchObject({ ok: true, value: [{ log: topic, size }] });
  });

  it('finds any change of any file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 257, 600),
        fc.nat(),
        fc.nat(),
        fc.constantFrom('flip', 'cut', 'grow', 'remove', 'swap'),
        async (size, pick, at, how) => {
          const files = exported(size);
          const paths = [...files.files.keys()];
          const path = paths[pick % paths.length]!;
          const bytes = Buffer.from(files.files.get(path)!);
          const other = files.files.get(paths[at % paths.length]!)!;
          if (how === 'flip') bytes[at % bytes.length]! ^= 1 << (at % 8);
          if (how === 'flip') files.files.set(path, bytes);
          if (how === 'cut') files.files.set(path, bytes.subarray(0, at % bytes.length));
          if (how === 'grow') files.files.set(path, Buffer.concat([bytes, Buffer.of(at % 256)]));
          if (how === 'remove') files.files.delete(path);
          if (how === 'swap') files.files.set(path, other);
          const changed = !files.files.get(path)?.equals(exports.get(size)!.files.get(path)!);
          const verified = await verify(files);
          expect([how, path, verified.ok]).toEqual([how, path, !changed]);
          const named = verified.ok ? [] : verified.reason.map((fault) => [fault.log, typeof fault.path]);
          expect(named).toEqual(changed ? [[topic, 'string']] : []);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('names the leaf whose entry was changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 599 }), async (index) => {
        const files = exported(600);
        const entries = logOf(600).entries.slice(index - (index % 256), index - (index % 256) + 256);
        entries[index % 256] = Buffer.from('{"id":"forged"}');
        const path = entriesPath(Math.floor(index / 256), entries.length);
        files.files.set(path, encodeEntryBundle(entries));
        expect(await verify(files)).toEqual({
          ok: false,
          reason: [{ code: 'wrong-entry', log: topic, path, leafIndex: index, leafCount: 1 }],
        });
      }),
      { numRuns: 30 },
    );
  });

  it('names the tile of leaves where entry and leaf hash were changed together', async () => {
    const files = exported(66_000);
    const entries = logOf(66_000).entries.slice(512, 768);
    entries[3] = Buffer.from('forged');
    files.files.set(entriesPath(2, 256), encodeEntryBundle(entries));
    files.files.set('tile/0/002', Buffer.concat(entries.map((entry) => leafHash(entry))));
    const verified = await verify(files);
    expect(verified).toMatchObject({ ok: false, reason: [{ code: 'wrong-tile', leafIndex: 512, leafCount: 256 }] });
    expect(verified.ok ? [] : verified.reason.map(describeFault)).toEqual([
      `${topic}, leaves 512 to 767, tile/1/000: the tile does not hold the hashes of what lies below it (wrong-tile)`,
    ]);
  });

  it('finds a log that was rewritten throughout, by its signature', async () => {
    const files = await logOf(600, 10).export(signer);
    files.files.set('checkpoint', exports.get(600)!.files.get('checkpoint')!);
    expect(await verify(files)).toMatchObject({ ok: false, reason: [{ code: 'wrong-root' }] });
  });

  it('finds a log that was rewritten and signed again, by an older export', async () => {
    for (const [older, newer] of [
      [0, 0],
      [0, 257],
      [256, 600],
      [257, 257],
      [600, 66_000],
    ] as const)
      expect((await verify(exported(newer), exported(older))).ok).toBe(true);
    const rewritten = await logOf(600, 300).export(signer);
    expect(await verify(rewritten, exported(257))).toMatchObject({ ok: true });
    expect(await verify(rewritten, await logOf(400).export(signer))).toEqual({
      ok: false,
      reason: [{ code: 'not-an-extension', log: topic, leafIndex: 300 }],
    });
    const checkpointOnly = new MemoryFiles([['checkpoint', exported(600).files.get('checkpoint')!]]);
    expect(await verify(rewritten, checkpointOnly)).toEqual({
      ok: false,
      reason: [{ code: 'not-an-extension', log: topic }],
    });
    expect(await verify(exported(256), exported(257))).toMatchObject({ ok: false, reason: [{ code: 'log-shrank' }] });
    const forged = noteSignerFromSeed(signer.verifier.name, Buffer.alloc(32, 9));
    expect(await verify(exported(257), await logOf(1).export(forged))).toMatchObject({
      ok: false,
      reason: [{ code: 'older-checkpoint-refused' }],
    });
  });

  it('finds a log that is missing, in another folder, or none at all', async () => {
    const request = { verifiers, logs: new Map([[topic, exported(1)]]) };
    expect(await verifyExport({ ...request, logs: new Map() })).toEqual({
      ok: false,
      reason: [{ code: 'missing-log', log: topic }],
    });
    expect(await verifyExport({ ...request, logs: new Map([['other', exported(1)]]) })).toMatchObject({
      ok: false,
      reason: [{ code: 'wrong-origin', log: 'other' }, { code: 'missing-log' }],
    });
    expect(await verifyExport({ ...request, olderLogs: new Map([['gone', exported(1)]]) })).toEqual({
      ok: false,
      reason: [{ code: 'missing-log', log: 'gone' }],
    });
    const witness = noteSignerFromSeed('witness', Buffer.alloc(32, 5)).verifier;
    expect(await verifyExport({ logs: new Map(), verifiers: [witness] })).toMatchObject({
      ok: false,
      reason: [{ code: 'no-log' }],
    });
  });
});
