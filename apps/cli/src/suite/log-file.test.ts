import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LogFile } from './log-file.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
  path = join(directory, 'a.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('a log file', () => {
  it('keeps two files of its size at most, whatever is written', () => {
    const log = new LogFile(path, 100);
    for (let line = 0; line < 50; line += 1) log.write(Buffer.from(`line ${line}\n`));
    log.close();
    expect(readdirSync(directory).toSorted()).toEqual(['a.log', 'a.log.1']);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(100);
    expect(readFileSync(path, 'utf8')).toMatch(/line 49\n$/);
  });

  it('goes on where an earlier process stopped, for its owner alone', () => {
    for (const text of ['first\n', 'second\n']) {
      const log = new LogFile(path);
      log.write(Buffer.from(text));
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is closed once, and takes nothing afterwards', () => {
    const log = new LogFile(path);
    log.close();
    log.close();
    log.write(Buffer.from('late'));
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('counts what is there already', () => {
    for (let run = 0; run < 3; run += 1) {
      const log = new LogFile(path, 100);
      log.write(Buffer.alloc(60, 'x'));
      log.close();
    }
    expect(statSync(path).size).toBe(60);
    expect(statSync(`${path}.1`).size).toBe(60);
  });
});
