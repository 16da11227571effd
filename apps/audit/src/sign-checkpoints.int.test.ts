import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditTopic, envelopeSchemas } from '@sallyport/audit-events';
import { PgEventLogPublisher } from '@sallyport/event-log-pg';
import { noteSignerFromSeed, openCheckpoint, parseVkey, signCheckpoint } from '@sallyport/transparency-log';
import { describe, expect, it } from 'vitest';
import { FileCheckpointSigner } from './adapters/fs/file-checkpoint-signer.ts';
import {
  records,
  rootOf,
  stateOf as state,
  toolcall,
  useLedger,
  values,
  writeSigningKey,
} from './ledger-under-test.ts';
import { PublishAnnouncements } from './application/publish-announcements.ts';

describe('checkpoints', () => {
  describe('of a log that grows', () => {
    const ledger = useLedger();
    it('cover every size they were signed at, form a chain, and are published', async () => {
      expect(await ledger().sign.run(toolcall)).toBe(true);
      expect(await ledger().sign.run(toolcall)).toBe(false);
      for (const count of [1, 254, 1, 1, 700]) {
        const { size } = await state(ledger());
        await ledger().publish(toolcall, records(count, size + 1));
        await ledger().ingest();
        expect(await ledger().sign.run(toolcall)).toBe(true);
      }
      const chain = await ledger().store.between(ledger().origin, -1, 10_000);
      expect(chain.map(({ size }) => size)).toEqual([0, 1, 255, 256, 257, 957]);
      const vkey = parseVkey(ledger().signer.vkey(ledger().origin));
      for (const { note, size } of chain) {
        const opened = openCheckpoint(note, vkey.ok ? [vkey.value] : []);
        expect(opened.ok && Buffer.from(opened.value.root).toString('hex')).toBe(rootOf(values(records(size))));
      }
      const publish = new PublishAnnouncements(
        ledger().announcements,
        async () => new PgEventLogPublisher(ledger().logPool),
      );
      await publish.run();
      const published = await ledger().eventLogReader.read(auditTopic.checkpoint, 0n, {
        recordsMax: 10,
        waitMsMax: 0,
      });
      const checkpointSchema = envelopeSchemas.find(({ type }) => type === 'sallyport.ledger.checkpoint.v1');
      for (const { value } of published) checkpointSchema?.schema.parse(JSON.parse(value));
      expect(checkpointSchema).toBeDefined();
      expect(published.map(({ value }) => (JSON.parse(value) as { data: { size: number } }).data.size)).toEqual([
        0, 1, 255, 256, 257, 957,
      ]);
    });

    it('go on after a restart of the signer, and give the same note for the same tree', async () => {
      await ledger().publish(toolcall, records(100, 958));
      await ledger().ingest();
      const again = ledger().openSigner();
      expect(again.last(ledger().origin)?.size).toBe(957);
      expect(await ledger().signWith(again).run(toolcall)).toBe(true);
      const newest = await ledger().store.newest(ledger().origin);
      await ledger().pool.query('delete from checkpoint where size = 1057');
      expect(await ledger().signWith(ledger().openSigner()).run(toolcall)).toBe(true);
      expect((await ledger().store.newest(ledger().origin))?.note).toBe(newest?.note);
    });

    it('are refused for a tree that shrank, a fork, and by a signer without memory', async () => {
      const { size } = await state(ledger());
      const root = Buffer.alloc(32, 1);
      const signer = ledger().openSigner();
      const request = { origin: ledger().origin, consistency: [], hasHistory: true };
      expect(await signer.sign({ ...request, size: size - 1, root })).toEqual({ ok: false, reason: 'tree-shrank' });
      expect(await signer.sign({ ...request, size, root })).toEqual({ ok: false, reason: 'inconsistent-tree' });
      expect(await signer.sign({ ...request, size: size + 1, root })).toEqual({
        ok: false,
        reason: 'inconsistent-tree',
      });
      const stateDirectory = join(ledger().directory, 'empty');
      const forgetful = FileCheckpointSigner.open({
        keyFile: join(ledger().directory, 'key.pem'),
        stateDirectory,
        logs: ledger().logs,
      });
      expect(await forgetful.sign({ ...request, size: size + 1, root })).toEqual({
        ok: false,
        reason: 'signer-state-lost',
      });
    });

    it('are refused once a leaf hash of the signed tree was changed', async () => {
      await ledger().pool.query("update leaf_1 set hash = sha256('x') where leaf_index = 1050");
      await ledger().publish(toolcall, records(10, 1_058));
      await ledger().ingest();
      expect(await ledger().signWith(ledger().openSigner()).run(toolcall)).toBe(false);
      expect(ledger().notes.at(-1)).toEqual({
        what: 'signingRefused',
        detail: [toolcall, 1_067, 'inconsistent-tree'],
      });
    });

    it('are refused by keys and state files that are not what they should be', () => {
      const directory = ledger().directory;
      const { logs } = ledger();
      const [open, bad] = [join(directory, 'open.pem'), join(directory, 'bad.pem')];
      writeSigningKey(open);
      writeFileSync(bad, 'secret', { mode: 0o600 });
      const stateDirectory = join(directory, 'forged');
      mkdirSync(stateDirectory);
      expect(() => FileCheckpointSigner.open({ keyFile: bad, stateDirectory, logs })).toThrow(/holds no Ed25519 key/);
      expect(() => FileCheckpointSigner.open({ keyFile: bad, stateDirectory, logs })).not.toThrow(/secret/);
      const forged = signCheckpoint({ origin: ledger().origin, size: 1, root: Buffer.alloc(32) }, [
        noteSignerFromSeed(ledger().origin, Buffer.alloc(32, 9)),
      ]);
      writeFileSync(join(stateDirectory, `${toolcall}.checkpoint`), forged);
      expect(() => FileCheckpointSigner.open({ keyFile: open, stateDirectory, logs })).toThrow(
        /not a checkpoint that this key signed/,
      );
    });
  });
});
