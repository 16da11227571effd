import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { exportFiles, leafHash, noteSignerFromSeed, signCheckpoint, Frontier } from '@sallyport/transparency-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { verifyExportCommand } from '../commands/audit-verify.ts';
import { ControlClient } from './control-client.ts';
import { exportTiles } from './export-tiles.ts';

let parent: string;
let server: Server;
let client: ControlClient;
let lines: readonly object[];
let isBroken: boolean;

beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-tiles-'));
  isBroken = false;
  server = createServer((request, response) => {
    if (request.headers.authorization !== 'Bearer key') {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'The API key is unknown.', details: { error_code: 'x' } } }));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
    if (isBroken) response.destroy();
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new ControlClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'key' });
});
afterEach(async () => {
  await client.close();
  server.close();
  rmSync(parent, { recursive: true });
});

const file = (path: string, data = 'x') => ({ path, data: Buffer.from(data).toString('base64') });
const target = () => join(parent, 'export');
const run = async () => {
  const result = await exportTiles(client, target());
  return result.ok ? result.value : result.reason;
};

describe('an export', () => {
  it('joins the pieces of a file, and is there when it is whole', async () => {
    lines = [
      file('log.v1/tile/0/000.p/3', 'a'),
      file('log.v1/tile/0/000.p/3', 'b'),
      file('log.v1/checkpoint'),
      { end: true },
    ];
    expect(await run()).toEqual({ logs: ['log.v1'], files: 2, bytes: 3 });
    expect(readFileSync(join(target(), 'log.v1/tile/0/000.p/3'), 'utf8')).toBe('ab');
    expect(readdirSync(parent)).toEqual(['export']);
  });

  it.each([
    '../x/checkpoint',
    'log/../../checkpoint',
    '/etc/checkpoint',
    'log/checkpoint/../x',
    '.hidden/checkpoint',
    'log/tile/0/../../x',
    'log/other',
    'checkpoint',
    '',
  ])('takes no file with the path %j', async (path) => {
    lines = [file(path), { end: true }];
    expect(await run()).toMatch(/path that no export has/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('leaves nothing where the stream broke off', async () => {
    lines = [file('log/checkpoint')];
    expect(await run()).toMatch(/broke off/);
    isBroken = true;
    expect(await run()).toMatch(/broke off|does not answer/);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('goes into a new or an empty folder only', async () => {
    lines = [file('log/checkpoint'), { end: true }];
    mkdirSync(target());
    expect(await run()).toMatchObject({ files: 1 });
    expect(await run()).toMatch(/is not empty/);
    writeFileSync(join(parent, 'file'), '');
    expect(await exportTiles(client, join(parent, 'file', 'below'))).toMatchObject({ ok: false });
  });

  it('passes on why control refuses', async () => {
    const stranger = client.as({ apiKey: 'wrong' });
    expect(await exportTiles(stranger, target())).toMatchObject({
      reason: 'the export broke off: The API key is unknown.',
    });
    await stranger.close();
    expect(existsSync(target())).toBe(false);
  });
});

describe('an export that is verified', () => {
  const signer = noteSignerFromSeed('test/audit/d/1/log.v1/p0', Buffer.alloc(32, 1));
  const said: string[] = [];
  const output = { line: (text: string) => said.push(text), problem: (text: string) => said.push(text) };
  const verify = async (older?: string) => {
    said.length = 0;
    const vkeysFile = join(parent, 'vkeys');
    writeFileSync(vkeysFile, `# keys\n${signer.verifier.vkey}\n`);
    const code = await verifyExportCommand({ directory: target(), vkeysFile, older, json: false }, output);
    return { code, text: said.join('\n') };
  };

  async function serve(size: number): Promise<void> {
    const leaves = Array.from({ length: size }, (_, index) => Buffer.from(`{"leaf":${index}}`));
    const frontier = Frontier.empty();
    for (const leaf of leaves) frontier.append(leafHash(leaf));
    const note = signCheckpoint({ origin: signer.verifier.name, size, root: frontier.root() }, [signer]);
    const files: object[] = [];
    const source = (async function* () {
      for (const entry of leaves) yield { entry, hash: leafHash(entry) };
    })();
    for await (const { path, data } of exportFiles(size, note, source))
      files.push({ path: `log.v1/${path}`, data: Buffer.from(data).toString('base64') });
    lines = [...files, { end: true }];
  }

  it('is found whole, and to extend an older one', async () => {
    await serve(300);
    await run();
    const older = join(parent, 'older');
    rmSync(older, { recursive: true, force: true });
    await serve(10);
    await exportTiles(client, older);
    expect(await verify(older)).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^log\.v1: verified, 300 leaves/),
    });
    await serve(5);
    rmSync(target(), { recursive: true });
    await run();
    expect(await verify(older)).toMatchObject({ code: 1, text: expect.stringContaining('log.v1') });
  });

  it('is refused with log and leaf where one bit was changed', async () => {
    await serve(300);
    await run();
    const bundle = join(target(), 'log.v1/tile/entries/000');
    const bytes = readFileSync(bundle);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(bundle, bytes);
    const { code, text } = await verify();
    expect(code).toBe(1);
    expect(text).toMatch(/log\.v1, leaf \d+/);
  });

  it('needs readable keys and a readable folder', async () => {
    expect((await verify()).text).toMatch(/cannot be read/);
    const none = await verifyExportCommand(
      { directory: parent, vkeysFile: '/none', older: undefined, json: false },
      output,
    );
    expect(none).toBe(1);
  });
});
