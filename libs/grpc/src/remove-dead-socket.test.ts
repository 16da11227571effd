import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeDeadSocket } from './remove-dead-socket.ts';

const directory = mkdtempSync(join(tmpdir(), 'socket-'));

describe('a socket file that is left behind', () => {
  it('is removed once its server is dead', async () => {
    const path = join(directory, 'dead.sock');
    spawnSync(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(existsSync(path)).toBe(true);
    await removeDeadSocket(path);
    expect(existsSync(path)).toBe(false);
  });

  it('stays while its server lives, and what is no socket stays', async () => {
    const path = join(directory, 'live.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await removeDeadSocket(path);
    expect(existsSync(path)).toBe(true);
    server.close();
    const file = join(directory, 'file');
    writeFileSync(file, 'x');
    await removeDeadSocket(file);
    await removeDeadSocket(join(directory, 'nothing'));
    expect(existsSync(file)).toBe(true);
  });
});
