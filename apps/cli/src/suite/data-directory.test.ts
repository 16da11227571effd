import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  closeSocketDirectory,
  dataDirectoryAt,
  dataDirectoryDefault,
  openDataDirectory,
  openSocketDirectory,
} from './data-directory.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-data-'));
  chmodSync(parent, 0o755);
});
afterEach(() => rmSync(parent, { recursive: true }));

const reasonOf = (opened: ReturnType<typeof openDataDirectory>) => (opened.ok ? '' : opened.reason);

describe('the data directory', () => {
  it('has a place of its own by default', () => {
    expect(dataDirectoryDefault({ HOME: '/home/a' }, 1000)).toBe('/home/a/.local/state/sallyport');
    expect(dataDirectoryDefault({ HOME: '/home/a', XDG_STATE_HOME: '/state' }, 1000)).toBe('/state/sallyport');
    expect(dataDirectoryDefault({ HOME: '/home/a', XDG_STATE_HOME: 'relative' }, 1000)).toBe(
      '/home/a/.local/state/sallyport',
    );
    expect(dataDirectoryDefault({ HOME: '/root' }, 0)).toBe('/var/lib/sallyport');
  });

  it('is made with what is secret closed', () => {
    const opened = openDataDirectory(join(parent, 'a', 'b'), undefined);
    if (!opened.ok) throw new Error(opened.reason);
    for (const path of [opened.value.secrets, opened.value.connector, opened.value.logs])
      expect(statSync(path).mode & 0o077).toBe(0);
    expect(openDataDirectory(join(parent, 'a', 'b'), undefined).ok).toBe(true);
  });

  it('is refused in one line where it cannot be', () => {
    writeFileSync(join(parent, 'file'), '');
    for (const path of [join(parent, 'file'), join(parent, 'file', 'below'), '/proc/sallyport']) {
      const reason = reasonOf(openDataDirectory(path, undefined));
      expect(reason).toMatch(/^the data directory .* with --data DIR$/);
      expect(reason).not.toContain('\n');
    }
  });

  it('is refused below a folder that the database user cannot enter, and opened to it itself', () => {
    const user = { uid: 12_345, gid: 12_345 };
    mkdirSync(join(parent, 'open'), { mode: 0o700 });
    expect(openDataDirectory(join(parent, 'open'), user).ok).toBe(true);
    expect(statSync(join(parent, 'open')).mode & 0o777).toBe(0o711);
    chmodSync(parent, 0o700);
    expect(reasonOf(openDataDirectory(join(parent, 'open'), user))).toContain(`chmod o+x ${parent}`);
  });
});

describe('the folder of sockets', () => {
  it('is below the data directory where its path is short', () => {
    const opened = openDataDirectory(join(parent, 'd'), undefined);
    if (opened.ok) expect(openSocketDirectory(opened.value).sockets).toBe(opened.value.run);
  });

  it('is a short temporary one elsewhere, and the next start removes what a killed suite left', () => {
    const opened = openDataDirectory(join(parent, 'long'.repeat(25)), undefined);
    if (!opened.ok) throw new Error(opened.reason);
    const first = openSocketDirectory(opened.value);
    expect(Buffer.byteLength(first.sockets)).toBeLessThan(60);
    const second = openSocketDirectory(opened.value);
    expect(existsSync(first.sockets)).toBe(false);
    closeSocketDirectory(second);
    expect(existsSync(second.sockets)).toBe(false);
    expect(dataDirectoryAt(opened.value.root).sockets).toBe(opened.value.run);
  });
});
