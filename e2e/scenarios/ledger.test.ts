import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { call, callIdOf } from '../harness/mcp.ts';
import { run, runCli } from '../harness/run-cli.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';

const toolcallLog = 'sallyport.toolcall.v1';
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('the ledger', () => {
  let suite: Suite;
  let directory: string;
  let vkeys: string;
  const calls: string[] = [];
  beforeAll(async () => {
    suite = await startSuite();
    directory = mkdtempSync(join(tmpdir(), 'sallyport-ledger-'));
    vkeys = join(directory, 'vkeys');
    writeFileSync(vkeys, `${suite.ready.auditVkeys.join('\n')}\n`);
    for (let n = 0; n < 80; n += 1)
      calls.push(callIdOf(await call(suite.ready.tunnelMcpUrl, suite.ready.apiKey, 'echo', { message: String(n) })));
    await suite.eventsOf(calls.at(-1) ?? '');
    await sleep(1_500);
  });
  afterAll(async () => {
    await suite?.dispose();
    rmSync(directory, { recursive: true, force: true });
  });
  const data = () => ['--data', suite.ready.dataDir];
  const exportTo = async (name: string) => {
    const exported = await runCli('audit', 'export', '--tiles', join(directory, name), ...data());
    expect([exported.code, exported.stderr]).toEqual([0, exported.stderr]);
    return join(directory, name);
  };

  verifies('ledger:cli', async () => {
    const callId = calls[3] ?? '';
    const shown = await runCli('audit', 'show', callId, '--json', ...data());
    const envelopes = JSON.parse(shown.stdout) as { data: { seq: number; phase: string; callId: string } }[];
    expect(envelopes.map((envelope) => [envelope.data.seq, envelope.data.phase])).toEqual([
      [1, 'requested'],
      [2, 'authorized'],
      [3, 'dispatched'],
      [4, 'completed'],
    ]);
    expect((await runCli('audit', 'show', callId, ...data())).stdout).toContain('completed');
    expect((await runCli('audit', 'events', ...data())).stdout).toContain(
      `completed    sample/echo  ${calls.at(-1) ?? ''}`,
    );
    const proved = await runCli('audit', 'prove', callId, ...data());
    expect([proved.code, proved.stderr]).toEqual([0, proved.stderr]);
    const unknown = await runCli('audit', 'show', 'call_00000000000000000000000000', ...data());
    expect(unknown.code).not.toBe(0);
    expect(`${unknown.stdout}${unknown.stderr}`).toContain('call_00000000000000000000000000');
    expect((await runCli('audit', '--help')).stdout).toContain('verify');
  });

  verifies('ledger:verify', async () => {
    const tiles = await exportTo('tiles');
    const ours = await runCli('audit', 'verify', tiles, '--vkeys', vkeys);
    expect([ours.code, ours.stderr]).toEqual([0, ours.stderr]);
    const outsider = await run(process.execPath, ['tools/verify-tiles/verify-tiles.mjs', tiles, '--vkeys', vkeys]);
    expect([outsider.code, outsider.stderr]).toEqual([0, '']);
    const go = await run('go', ['-C', 'tools/tlog-verify', 'run', '.', '-vkeys', vkeys, tiles]);
    expect([go.code, go.stderr]).toEqual([0, go.stderr]);
    const forged = join(directory, 'forged');
    cpSync(tiles, forged, { recursive: true });
    const entries = join(forged, toolcallLog, 'tile', 'entries');
    const bundle = join(entries, readdirSync(entries).find((name) => name === '000') ?? readdirSync(entries)[0] ?? '');
    const file = bundle.endsWith('.p') ? join(bundle, readdirSync(bundle)[0] ?? '') : bundle;
    const bytes = readFileSync(file);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    for (const found of [
      await runCli('audit', 'verify', forged, '--vkeys', vkeys),
      await run(process.execPath, ['tools/verify-tiles/verify-tiles.mjs', forged, '--vkeys', vkeys]),
      await run('go', ['-C', 'tools/tlog-verify', 'run', '.', '-vkeys', vkeys, forged]),
    ]) {
      expect(found.code).not.toBe(0);
      expect(`${found.stdout}${found.stderr}`).toContain(toolcallLog);
      expect(`${found.stdout}${found.stderr}`).toMatch(/\d+/);
    }
  });

  verifies('ledger:extends', async () => {
    const older = await exportTo('older');
    await suite.eventsOf(
      callIdOf(await call(suite.ready.tunnelMcpUrl, suite.ready.apiKey, 'echo', { message: 'more' })),
    );
    await sleep(1_500);
    const newer = await exportTo('newer');
    expect((await runCli('audit', 'verify', newer, '--vkeys', vkeys, '--extends', older)).code).toBe(0);
    expect((await runCli('audit', 'verify', older, '--vkeys', vkeys, '--extends', newer)).code).not.toBe(0);
  });

  verifies('ledger:rebuild', async () => {
    const logs = async () => {
      const { body } = await suite.control('GET', '/v1/audit/logs', suite.operatorKey);
      return (body as { data: { topic: string; size: number; root: string }[] }).data.find(
        (log) => log.topic === toolcallLog,
      );
    };
    const before = await logs();
    const rebuilt = await runCli('audit', 'rebuild', ...data());
    expect([rebuilt.code, rebuilt.stderr]).toEqual([0, rebuilt.stderr]);
    expect(rebuilt.stdout).toContain(before?.root.slice(0, 12) ?? 'no root');
    expect(await logs()).toMatchObject({ size: before?.size, root: before?.root });
    expect((await suite.eventsOf(calls[0] ?? '')).map((event) => event.data.phase)).toEqual([
      'requested',
      'authorized',
      'dispatched',
      'completed',
    ]);
  });
});
