import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditTopic } from '@sallyport/audit-events';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { call, callIdOf } from '../harness/mcp.ts';
import { run, runCli } from '../harness/run-cli.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { form, report } from './form.ts';
import { integerBelow, randomNumbers, seed } from './random.ts';
import { openSuiteDatabase } from '../harness/suite-database.ts';

const callCount = 150;
const leavesPerBundle = 256;
/** Rows are changed less often than files: each time the ledger is exported anew. */
const rowMutations = Math.ceil(form.mutations / 10);
const fileMutations = form.mutations - rowMutations;

describe(`whatever is changed behind the ledger’s back is found (R6; seed ${seed})`, () => {
  let suite: Suite;
  let directory: string;
  let vkeys: string;
  beforeAll(async () => {
    // The event log of this suite is a table: one of the things that can be changed.
    suite = await startSuite({ args: [] });
    directory = mkdtempSync(join(tmpdir(), 'sallyport-mutations-'));
    vkeys = join(directory, 'vkeys');
    writeFileSync(vkeys, `${suite.ready.auditVkeys.join('\n')}\n`);
    let last = '';
    for (let made = 0; made < callCount; made += 1)
      last = callIdOf(await call(suite.ready.tunnelMcpUrl, suite.ready.apiKey, 'echo', { message: String(made) }));
    await suite.eventsOf(last);
    await sleep(2_000);
  });
  afterAll(async () => {
    await suite?.dispose();
    rmSync(directory, { recursive: true, force: true });
  });
  const exportTo = async (name: string) => {
    const tiles = join(directory, name);
    rmSync(tiles, { recursive: true, force: true });
    const exported = await runCli('audit', 'export', '--tiles', tiles, '--data', suite.ready.dataDir);
    expect([exported.code, exported.stderr]).toEqual([0, exported.stderr]);
    return tiles;
  };
  const outsider = (tiles: string) =>
    run(process.execPath, ['tools/verify-tiles/verify-tiles.mjs', tiles, '--vkeys', vkeys]);

  verifies('campaign:mutations', async () => {
    const random = randomNumbers();
    const tiles = await exportTo('tiles');
    const log = join(tiles, auditTopic.toolcall);
    const files = filesBelow(log);
    const missed: string[] = [];
    const kinds: Record<string, number> = {};
    for (let done = 0; done < fileMutations; done += 1) {
      const path = files[integerBelow(files.length, random)] ?? '';
      const file = join(log, path);
      const original = readFileSync(file);
      const { how, bytes, leaf } = mutate(path, original, random);
      kinds[how] = (kinds[how] ?? 0) + 1;
      if (bytes === undefined) rmSync(file);
      else writeFileSync(file, bytes);
      const found = await outsider(tiles);
      writeFileSync(file, original);
      const said = `${found.stdout}${found.stderr}`;
      const isNamed = said.includes(auditTopic.toolcall) && (leaf === undefined || namesLeaf(said, leaf));
      if (found.code === 0 || !isNamed)
        missed.push(`${how} of ${path}${leaf === undefined ? '' : ` leaf ${leaf}`}: ${said.trim()}`);
    }
    expect(missed).toEqual([]);
    expect((await outsider(tiles)).code).toBe(0);
    report('mutations of files', { seed, mutations: fileMutations, kinds });
  });

  verifies('campaign:mutations', async () => {
    const random = randomNumbers(seed + 2);
    const database = openSuiteDatabase(suite.ready.dataDir);
    const { rows } = await database.query<{ generation: number; leaves: string }>(
      'select log.generation, tree_size as leaves from log join generation using (generation) where log.topic = $1',
      [auditTopic.toolcall],
    );
    const { generation = 0, leaves = '0' } = rows[0] ?? {};
    const table = `leaf_${generation}`;
    const size = Number(leaves);
    const missed: string[] = [];
    for (let done = 0; done < rowMutations; done += 1) {
      const index = integerBelow(size, random);
      const { rows: before } = await database.query<{ body: string; hash: Buffer }>(
        `select body, hash from ${table} where leaf_index = $1`,
        [index],
      );
      const { body = '', hash = Buffer.alloc(0) } = before[0] ?? {};
      const forged = body.replace('"phase":"', '"phase":"x');
      const flipped = Buffer.from(hash);
      flipped[integerBelow(hash.length, random)]! ^= 1;
      const [newBody, newHash] = done % 2 === 0 ? [forged, hash] : [body, flipped];
      await database.query(`update ${table} set body = $2, hash = $3 where leaf_index = $1`, [index, newBody, newHash]);
      const tiles = join(directory, 'row');
      rmSync(tiles, { recursive: true, force: true });
      const exported = await runCli('audit', 'export', '--tiles', tiles, '--data', suite.ready.dataDir);
      const verified = exported.code === 0 ? await runCli('audit', 'verify', tiles, '--vkeys', vkeys) : exported;
      await database.query(`update ${table} set body = $2, hash = $3 where leaf_index = $1`, [index, body, hash]);
      const said = `${verified.stdout}${verified.stderr}`;
      const isNamed = namesLeaf(said, index) && said.includes(auditTopic.toolcall);
      if (verified.code === 0 || !isNamed) missed.push(`leaf ${index}: ${verified.code} ${said.trim()}`);
    }
    await database.end();
    expect(missed).toEqual([]);
    const tiles = await exportTo('rows-restored');
    expect((await outsider(tiles)).code).toBe(0);
    report('mutations of rows', { seed, mutations: rowMutations, leaves: size });
  });

  verifies('campaign:mutations', async () => {
    const database = openSuiteDatabase(suite.ready.dataDir);
    const index = 40;
    const change = async (from: string, to: string) =>
      (
        await database.query(
          `update event_log.record set value = replace(value, $2, $3)
            where "offset" = $1 and topic_id = (select topic_id from event_log.topic where name = $4)`,
          [index, from, to, auditTopic.toolcall],
        )
      ).rowCount;
    expect(await change('"specversion":"1.0"', '"specversion":"1.1"')).toBe(1);
    const rebuilt = await runCli('audit', 'rebuild', '--data', suite.ready.dataDir);
    expect(rebuilt.code).not.toBe(0);
    expect(`${rebuilt.stdout}${rebuilt.stderr}`).toContain(auditTopic.toolcall);
    expect(await change('"specversion":"1.1"', '"specversion":"1.0"')).toBe(1);
    await database.end();
    expect((await outsider(await exportTo('after-rebuild'))).code).toBe(0);
    expect((await runCli('audit', 'rebuild', '--data', suite.ready.dataDir)).code).toBe(0);
  });
});

/** One change of a file of the log. `leaf`: the leaf that must be named. */
function mutate(
  path: string,
  original: Buffer,
  random: () => number,
): { readonly how: string; readonly bytes: Buffer | undefined; readonly leaf: number | undefined } {
  const how = ['flip', 'flip', 'flip', 'cut', 'insert', 'reorder', 'remove'][integerBelow(7, random)] ?? 'flip';
  const at = integerBelow(original.length, random);
  const bytes = Buffer.from(original);
  const entries = /^tile\/entries\/(\d{3})(?:\.p\/\d+)?$/.exec(path);
  switch (how) {
    case 'remove':
      return { how, bytes: undefined, leaf: undefined };
    case 'cut':
      return { how, bytes: bytes.subarray(0, at), leaf: undefined };
    case 'insert':
      return {
        how,
        bytes: Buffer.concat([bytes.subarray(0, at), Buffer.of(0x20), bytes.subarray(at)]),
        leaf: undefined,
      };
    case 'reorder': {
      const swapped = entries === null ? undefined : swapEntries(bytes);
      if (swapped !== undefined) return { how, bytes: swapped, leaf: Number(entries?.[1]) * leavesPerBundle };
      break;
    }
  }
  bytes[at]! ^= 1 << integerBelow(8, random);
  const inBundle = entries === null ? undefined : entryAt(original, at);
  return {
    how: 'flip',
    bytes,
    leaf: inBundle === undefined ? undefined : Number(entries?.[1]) * leavesPerBundle + inBundle,
  };
}

/** `leaf 7`, or `leaves 0 to 255`, as both verifiers say it. */
function namesLeaf(said: string, leaf: number): boolean {
  const single = [...said.matchAll(/\bleaf (\d+)\b/g)].some(([, index]) => Number(index) === leaf);
  const ranges = [...said.matchAll(/\bleaves (\d+) to (\d+)\b/g)];
  return single || ranges.some(([, first, last]) => Number(first) <= leaf && leaf <= Number(last));
}

/** A bundle is a list of entries, each after its length in two bytes. Undefined where a length was hit. */
function entryAt(bundle: Buffer, at: number): number | undefined {
  let entry = 0;
  for (let from = 0; from < bundle.length; entry += 1) {
    const length = bundle.readUInt16BE(from);
    if (at < from + 2) return undefined;
    if (at < from + 2 + length) return entry;
    from += 2 + length;
  }
  return undefined;
}

/** The first two entries in each other's place; undefined where there is but one. */
function swapEntries(bundle: Buffer): Buffer | undefined {
  const first = 2 + bundle.readUInt16BE(0);
  if (first >= bundle.length) return undefined;
  const second = first + 2 + bundle.readUInt16BE(first);
  return Buffer.concat([bundle.subarray(first, second), bundle.subarray(0, first), bundle.subarray(second)]);
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .filter((path) => statSync(join(directory, path)).isFile())
    .map((path) => relative('.', path))
    .toSorted();
}
