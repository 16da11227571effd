import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logOrigin } from './log-origin.ts';
import { type MemoryFiles, MemoryLog } from './memory-log.ts';
import { noteSignerFromSeed } from './note-keys.ts';

/** Verifiers that share no code with us read what we write: Go's stock sumdb packages, and the single file of plain Node. */
const tools = join(import.meta.dirname, '../../../tools');
const go = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find((path) => existsSync(path)) ?? 'go';
const topics = ['sallyport.toolcall.v1', 'sallyport.control.v1'] as const;
const signers = topics.map((topic, index) =>
  noteSignerFromSeed(logOrigin({ host: 'h.example', deployment: 'd', epoch: 1, topic }), Buffer.alloc(32, index + 1)),
);
let dir: string;
let goVerifier: string;

async function writeExport(
  name: string,
  sizes: readonly number[],
  changedFrom = Number.MAX_SAFE_INTEGER,
): Promise<string> {
  const root = join(dir, name);
  for (const [at, signer] of signers.entries()) {
    const log = new MemoryLog();
    for (let index = 0; index < (sizes[at] ?? 0); index += 1)
      log.append(`{"id":"${index}","text":"${'é'.repeat(index % 40)}"${index < changedFrom ? '' : ',"changed":1'}}`);
    writeFiles(join(root, topics[at]!), await log.export(signer));
  }
  return root;
}

function writeFiles(root: string, files: MemoryFiles): void {
  for (const [path, data] of files.files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), data);
  }
}

function run(command: string, args: readonly string[]) {
  const ended = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  return { code: ended.status, text: ended.stdout + ended.stderr };
}
const vkeys = () => join(dir, 'vkeys');
const byNode = (root: string) =>
  run(process.execPath, [join(tools, 'verify-tiles/verify-tiles.mjs'), root, '--vkeys', vkeys()]);
const byGo = (root: string, older?: string) =>
  run(goVerifier, ['-vkeys', vkeys(), ...(older === undefined ? [] : ['-extends', older]), root]);

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'sallyport-tiles-'));
  goVerifier = join(dir, 'tlog-verify');
  execFileSync(go, ['build', '-o', goVerifier, '.'], { cwd: join(tools, 'tlog-verify'), stdio: 'pipe' });
  writeFileSync(vkeys(), signers.map((signer) => `${signer.verifier.vkey}\n`).join(''));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('verifiers without our code', () => {
  it.each([
    [0, 1],
    [2, 255],
    [256, 257],
    [511, 600],
    [65_536, 70_001],
  ])('accept exports of %d and %d leaves', async (first, second) => {
    const root = await writeExport(`whole-${first}`, [first, second]);
    for (const verified of [byNode(root), byGo(root)]) {
      expect(verified.text).toContain(`${topics[0]}: verified, ${first} leaves`);
      expect(verified.text).toContain(`${topics[1]}: verified, ${second} leaves`);
      expect(verified.code).toBe(0);
    }
  });

  it('refuse a flipped bit in any kind of file, and name the log', async () => {
    const root = await writeExport('flipped', [600, 600]);
    for (const path of ['checkpoint', 'tile/0/001', 'tile/0/002.p/88', 'tile/1/000.p/2', 'tile/entries/001']) {
      const file = join(root, topics[1], path);
      const whole = readFileSync(file);
      const bytes = Buffer.from(whole);
      bytes[30]! ^= 1;
      writeFileSync(file, bytes);
      for (const verified of [byNode(root), byGo(root)]) {
        expect(verified.text).toContain(`${topics[1]}: `);
        expect([path, verified.code]).toEqual([path, 1]);
      }
      writeFileSync(file, whole);
    }
    expect(byNode(root).code).toBe(0);
    const entries = join(root, topics[0], 'tile/entries/001');
    const forged = Buffer.from(readFileSync(entries));
    forged[2]! ^= 1;
    writeFileSync(entries, forged);
    expect(byNode(root).text).toContain(`${topics[0]}: leaf 256`);
    expect(byGo(root).text).toContain(`${topics[0]}: leaf 256`);
  });

  it('prove that an older export is a prefix, and refuse a fork that the real key signed', async () => {
    const older = await writeExport('older', [300, 20]);
    expect(byGo(await writeExport('newer', [70_000, 20]), older)).toMatchObject({ code: 0 });
    const forked = await writeExport('forked', [700, 20], 299);
    expect(byGo(forked)).toMatchObject({ code: 0 });
    expect(byGo(forked, older).code).toBe(1);
  });

  it('refuse a log in the folder of another and keys they cannot read', async () => {
    const root = await writeExport('folders', [3, 3]);
    copyFileSync(join(root, topics[1], 'checkpoint'), join(root, topics[0], 'checkpoint'));
    expect(byNode(root).code).toBe(1);
    writeFileSync(join(dir, 'bad-vkeys'), 'nonsense\n');
    const verified = run(process.execPath, [
      join(tools, 'verify-tiles/verify-tiles.mjs'),
      root,
      '--vkeys',
      join(dir, 'bad-vkeys'),
    ]);
    expect(verified.code).toBe(1);
    expect(run(process.execPath, [join(tools, 'verify-tiles/verify-tiles.mjs')]).code).toBe(64);
  });
});
