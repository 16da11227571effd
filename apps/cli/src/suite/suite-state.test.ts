import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { newSuiteState, readSuiteState, SuiteStateFile } from './suite-state.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-state-'));
  path = join(directory, 'suite.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the state file', () => {
  it('is not there at first', () => {
    expect(readSuiteState(path)).toEqual({ ok: true, value: undefined });
  });

  it('keeps what was changed, for its owner alone, and leaves no other file', () => {
    const file = new SuiteStateFile(path, newSuiteState());
    file.change({ apiKey: 'sk-1' });
    file.change({ tunnelId: 'tnl_1' });
    expect(readSuiteState(path)).toMatchObject({ ok: true, value: { apiKey: 'sk-1', tunnelId: 'tnl_1' } });
    expect(readSuiteState(path)).toEqual({ ok: true, value: file.state });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['suite.json']);
  });

  it.each(['', '{', '[]', '{"version":2,"deploymentId":"a"}', '{"version":1,"deploymentId":"a b"}', '{"version":1}'])(
    'refuses %j and never quotes it',
    (text) => {
      writeFileSync(path, text);
      const read = readSuiteState(path);
      expect(read.ok).toBe(false);
      expect(read.ok ? '' : read.reason).toMatch(/suite\.json is damaged: restore it/);
    },
  );

  it('gives each deployment an id of its own', () => {
    expect(newSuiteState().deploymentId).not.toBe(newSuiteState().deploymentId);
  });
});
