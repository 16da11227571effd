import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { runCli } from '../harness/run-cli.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const textOf = (result: unknown) =>
  (result as { content: { text: string }[] }).content.map((part) => part.text).join('');

/** Processes that belong to a data directory, by command line, working directory or environment-free arguments. */
function processesOf(dataDir: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(dataDir) ? [`${pid}: ${line}`] : [];
      } catch {
        return [];
      }
    });
}

describe('the suite', () => {
  let suite: Suite;
  beforeAll(async () => {
    suite = await startSuite();
  });
  afterAll(async () => {
    await suite?.dispose();
  });
  const requestInit = () => ({ headers: { authorization: `Bearer ${suite.ready.apiKey}` } });

  verifies('suite:sdk-v1', async () => {
    const client = new LegacyClient({ name: 'e2e', version: '1' });
    await client.connect(new LegacyTransport(new URL(suite.ready.tunnelMcpUrl), { requestInit: requestInit() }));
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(['add', 'echo', 'slow']);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'grüße 1' } }))).toContain('grüße 1');
    expect(textOf(await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } }))).toContain('42');
    const progress: number[] = [];
    await client.callTool({ name: 'slow', arguments: { seconds: 2 } }, undefined, {
      onprogress: (step) => progress.push(step.progress),
    });
    expect(progress.length).toBeGreaterThan(0);
    await expect(client.callTool({ name: 'forbidden', arguments: {} })).rejects.toMatchObject({ code: 4030 });
    await client.close();
  });

  verifies('suite:sdk-v2', async () => {
    const client = new ModernClient(
      { name: 'e2e', version: '1' },
      { versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    await client.connect(new ModernTransport(new URL(suite.ready.tunnelMcpUrl), { requestInit: requestInit() }));
    expect((await client.listTools()).tools.map((tool) => tool.name).sort()).toEqual(['add', 'echo', 'slow']);
    expect(textOf(await client.callTool({ name: 'echo', arguments: { message: 'grüße 2' } }))).toContain('grüße 2');
    expect(textOf(await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }))).toContain('3');
    await expect(client.callTool({ name: 'forbidden', arguments: {} })).rejects.toMatchObject({ code: 4030 });
    await client.close();
  });

  verifies(
    'suite:restart',
    async () => {
      const { dataDir, apiKey, tunnelMcpUrl } = suite.ready;
      const second = await runCli('up', '--json', '--data', dataDir, '--port', '1');
      expect([second.code === 0, second.stdout.trim().split('\n').length]).toEqual([false, 1]);
      suite.child.kill('SIGKILL');
      for (const until = Date.now() + 20_000; processesOf(dataDir).length > 0 && Date.now() < until;) await sleep(200);
      expect(processesOf(dataDir)).toEqual([]);
      suite = await startSuite({ dataDir });
      expect(suite.ready.apiKey).toBe(apiKey);
      expect(new URL(suite.ready.tunnelMcpUrl).pathname).toBe(new URL(tunnelMcpUrl).pathname);
      expect(await suite.stop()).toBe(0);
      expect(processesOf(dataDir)).toEqual([]);
      suite = await startSuite({ dataDir });
      expect(suite.ready.apiKey).toBe(apiKey);
    },
    180_000,
  );

  verifies('suite:bad-start', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-bad-'));
    chmodSync(directory, 0o755);
    const refused = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runCli('up', '--json', ...args);
      expect(code).not.toBe(0);
      const lines = `${stdout}${stderr}`.trim().split('\n');
      const last = lines.at(-1) ?? '';
      expect(`${stdout}${stderr}`).not.toMatch(/^\s+at /m);
      return last;
    };
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as { port: number };
    expect(await refused('--data', join(directory, 'a'), '--port', String(port))).toContain(String(port));
    busy.close();
    writeFileSync(join(directory, 'file'), '');
    expect(await refused('--data', join(directory, 'file', 'below'))).toContain('--data');
    mkdirSync(join(directory, 'broken'));
    writeFileSync(join(directory, 'broken', 'suite.json'), '{nonsense');
    expect(await refused('--data', join(directory, 'broken'))).toContain('suite.json');
    expect(await refused('--port', 'eighty')).toContain('--port');
    expect(await refused('--no-such-option')).toContain('--no-such-option');
    expect((await runCli('up', '--help')).code).toBe(0);
    rmSync(directory, { recursive: true, force: true });
  });
});
