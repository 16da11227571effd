import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { installForSandboxes, missingForSandboxes, missingSentence } from './sandbox-packages.ts';

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'sallyport-bin-'));
});
afterEach(() => rmSync(bin, { recursive: true }));

function program(name: string, script = 'exit 0'): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}
const install = (answer = true, uid = 0) => {
  const asked: string[] = [];
  const installed = installForSandboxes({
    env: { PATH: bin },
    uid,
    confirm: (question) => {
      asked.push(question);
      return Promise.resolve(answer);
    },
    step: () => undefined,
  });
  return installed.then((result) => ({ result, asked }));
};
/** A package manager that notes how it was called and makes `made`. */
const manager = (name: string, made: readonly string[]) =>
  program(name, `echo "$0 $*" >> ${bin}/calls\n${made.map((each) => `/bin/cp /bin/true ${bin}/${each}`).join('\n')}`);

describe('what sandboxes need of the system', () => {
  it('is named with what to do', () => {
    program('bash');
    expect(missingForSandboxes({ PATH: bin })).toEqual(expect.arrayContaining(['bwrap', 'cc']));
    expect(missingSentence(['bwrap'])).toBe('bubblewrap is missing: start with --install, or install it yourself');
  });

  it('is not touched where it is there', async () => {
    for (const name of ['bwrap', 'cc', 'bash']) program(name);
    expect(await install()).toEqual({ result: { ok: true, value: undefined }, asked: [] });
  });

  it('is installed after a yes, with the names that the system has for it', async () => {
    program('bash');
    manager('apt-get', ['bwrap', 'cc']);
    const { result, asked } = await install();
    expect(result).toEqual({ ok: true, value: undefined });
    expect(asked).toEqual(['Install bubblewrap, gcc, libc6-dev with apt-get?']);
    expect(readFileSync(join(bin, 'calls'), 'utf8')).toBe(
      `${bin}/apt-get update -qq\n${bin}/apt-get install -y -qq --no-install-recommends bubblewrap gcc libc6-dev\n`,
    );
  });

  it('is left alone after a no, without root, and without a manager that is known', async () => {
    program('bash');
    expect((await install()).result).toMatchObject({ reason: expect.stringContaining('none is here') });
    manager('dnf', []);
    expect((await install(false)).result).toMatchObject({ reason: expect.stringContaining('nothing was installed') });
    expect((await install(true, 1_000)).result).toMatchObject({ reason: expect.stringContaining('root or sudo') });
  });

  it('says what the manager said when it fails, and when it did not help', async () => {
    program('bash');
    program('apk', 'echo "no such package" >&2; exit 3');
    expect((await install()).result).toMatchObject({ reason: expect.stringMatching(/ended with 3: no such package$/) });
    manager('apk', ['bwrap']);
    expect((await install()).result).toMatchObject({ reason: 'apk has run, but cc is still missing' });
  });
});
