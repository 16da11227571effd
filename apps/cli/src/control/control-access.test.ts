import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { dataDirectoryAt } from '../suite/data-directory.ts';
import { takeSuiteLock } from '../suite/suite-lock.ts';
import { newSuiteState, SuiteStateFile } from '../suite/suite-state.ts';
import { controlAccess } from './control-access.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'sallyport-access-'));
});
afterEach(() => rmSync(data, { recursive: true }));

const nothing = { data: undefined, control: undefined, apiKeyFile: undefined, workspace: undefined };

describe('access to control', () => {
  it('is the operator of a suite that runs', () => {
    const directory = dataDirectoryAt(data);
    mkdirSync(directory.secrets);
    writeFileSync(join(directory.secrets, 'operator-key'), 'sk-operator\n', { mode: 0o600 });
    new SuiteStateFile(directory.stateFile, newSuiteState()).change({ controlUrl: 'http://127.0.0.1:8081' });
    const stopped = controlAccess({ ...nothing, data }, { data: '/none', apiKey: undefined });
    expect(stopped.ok ? '' : stopped.reason).toMatch(/no suite is running on .*: start it with/);
    expect(takeSuiteLock(directory.lockFile).ok).toBe(true);
    expect(controlAccess(nothing, { data, apiKey: 'ignored' })).toEqual({
      ok: true,
      value: { url: 'http://127.0.0.1:8081', apiKey: 'sk-operator' },
    });
    expect(controlAccess({ ...nothing, data, workspace: 'w' }, { data: '/none', apiKey: undefined })).toMatchObject({
      value: { workspaceId: 'w' },
    });
  });

  it('is a key for a control elsewhere', () => {
    const control = 'https://control.example';
    expect(controlAccess({ ...nothing, control }, { data, apiKey: 'sk-1' })).toMatchObject({
      value: { url: control, apiKey: 'sk-1' },
    });
    const apiKeyFile = join(data, 'key');
    writeFileSync(apiKeyFile, 'sk-2\n', { mode: 0o600 });
    expect(controlAccess({ ...nothing, control, apiKeyFile }, { data, apiKey: 'sk-1' })).toMatchObject({
      value: { apiKey: 'sk-2' },
    });
  });

  it('is refused in one line where something is missing', () => {
    const defaults = { data, apiKey: undefined };
    for (const options of [
      nothing,
      { ...nothing, data: '/none' },
      { ...nothing, control: 'https://c' },
      { ...nothing, control: 'nonsense' },
      { ...nothing, control: 'ftp://c' },
      { ...nothing, control: 'https://c', apiKeyFile: '/none' },
      { ...nothing, control: 'https://c', data },
    ]) {
      const access = controlAccess(options, defaults);
      expect(access.ok ? JSON.stringify(options) : access.reason).toMatch(/^(?!\{).+$/);
    }
  });
});
