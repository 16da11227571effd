import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));

async function sallyport(...args: string[]) {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, ...args], { env: { HOME: '/none' } });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe('the command line', { timeout: 30_000 }, () => {
  it.each([
    [['--help']],
    [['up', '--help']],
    [['up', '--once', '-h']],
    [['audit', '--help']],
    [['audit', 'show', '--help']],
  ])('helps with %j', async (args) => {
    expect(await sallyport(...args)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: /), stderr: '' });
  });

  it.each([[['nonsense']], [['up', '--nonsense']], [['up', '--port', '0']], [['audit', 'nonsense']]])(
    'refuses %j with one line and code 64',
    async (args) => {
      const { code, stdout, stderr } = await sallyport(...args);
      expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
      expect(stderr).toMatch(/^sallyport: [^\n]+\n$/);
    },
  );

  it('says in one line that no suite runs', async () => {
    const { code, stderr } = await sallyport('audit', 'events', '--data', '/none');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sallyport: no suite is running on \/none[^\n]+\n$/);
  });

  it('refuses a data directory that cannot be, in JSON where that was asked for', async () => {
    const { code, stderr } = await sallyport('up', '--json', '--data', '/proc/sallyport');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ event: 'error', message: expect.stringContaining('--data DIR') });
  });
});
