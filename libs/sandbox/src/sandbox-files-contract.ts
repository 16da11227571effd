import type { Bed, TestRunner } from './sandbox-contract-bed.ts';

/** Files: the same that commands see. */
export function sandboxFilesContract({ describe, it, expect }: TestRunner, { shell, sandbox }: Bed): void {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  const all = { offset: 0, length: 1_000_000 };
  const codeOf = (result: { ok: true } | { ok: false; reason: { code: string } }) =>
    result.ok ? 'ok' : result.reason.code;

  describe('files', () => {
    it('are written with their parents and read, whatever their name and bytes', async () => {
      const path = '/workspace/dir/ünïcödé 漢字/a "b" $c.bin';
      expect(await sandbox().writeFile(path, bytes)).toEqual({ ok: true, value: undefined });
      const read = await sandbox().readFile(path, all);
      expect(read).toMatchObject({ ok: true, value: { size: 70_000 } });
      expect(read.ok && Uint8Array.from(read.value.data)).toEqual(bytes);
      expect((await shell(`stat -c %s:%a '${path}'`)).text).toBe('70000:644\n');
      expect(await sandbox().writeFile('/tmp/empty', new Uint8Array())).toMatchObject({ ok: true });
      expect(await sandbox().readFile('/tmp/empty', all)).toMatchObject({ ok: true, value: { size: 0 } });
    });

    it.each([
      [0, 10],
      [65_530, 20],
      [69_990, 100],
      [70_000, 1],
      [80_000, 1],
    ])('are read from %i, %i bytes', async (offset, length) => {
      await sandbox().writeFile('/workspace/ranged', bytes);
      const read = await sandbox().readFile('/workspace/ranged', { offset, length });
      expect(read.ok && Uint8Array.from(read.value.data)).toEqual(bytes.subarray(offset, offset + length));
      expect(read).toMatchObject({ value: { size: 70_000 } });
    });

    it('are replaced at once, with the rights of the old one, through a link', async () => {
      await shell('mkdir -p /workspace/at; cd /workspace/at; echo old >file; chmod 750 file; ln -sf file link');
      expect(await sandbox().writeFile('/workspace/at/link', Buffer.from('new'))).toMatchObject({ ok: true });
      expect((await shell('cd /workspace/at; cat file; stat -c " %a" file; readlink link; ls -A | wc -l')).text).toBe(
        'new 750\nfile\n2\n',
      );
    });

    it('of 5 MB come back whole', async () => {
      const large = Buffer.alloc(5_000_000, 'abcdefg');
      await sandbox().writeFile('/workspace/large', large);
      const read = await sandbox().readFile('/workspace/large', { offset: 0, length: 6_000_000 });
      expect(read.ok && Buffer.from(read.value.data).equals(large)).toBe(true);
    });

    it('are refused with a reason', async () => {
      await shell(
        'cd /workspace; mkdir -p d; mkfifo -m 600 fifo; ln -sfn /etc/passwd out; ln -sfn loop loop; mkdir -m 0 locked; echo x >plain; true',
      );
      const read = async (path: string) => codeOf(await sandbox().readFile(path, all));
      const write = async (path: string) => codeOf(await sandbox().writeFile(path, bytes));
      expect(await read('/workspace/none')).toBe('ENOENT');
      expect(await read('/workspace/d')).toBe('EISDIR');
      expect(await read('/workspace/plain/x')).toBe('ENOTDIR');
      expect(await read('/workspace/fifo')).toBe('EINVAL');
      expect(await read('/workspace/loop')).toBe('ELOOP');
      expect(await read('/workspace/locked/x')).toBe('EACCES');
      expect(await read('relative')).toBe('EINVAL');
      expect(await read('/workspace/a\0b')).toBe('EINVAL');
      expect(await read(`/workspace/${'x'.repeat(5_000)}`)).toBe('ENAMETOOLONG');
      expect(await write('/workspace/d')).toBe('EISDIR');
      expect(await write('/workspace/plain/x')).toBe('ENOTDIR');
    });

    it.each([
      '/etc/passwd',
      '/workspace/out',
      '/workspace/../etc/passwd',
      '/proc/self/environ',
      '/tmp/../../usr/bin/env',
      '/',
      '/workspacex',
    ])('are not reached outside of /workspace and /tmp: %s', async (path) => {
      expect(codeOf(await sandbox().readFile(path, all))).toBe(path === '/workspacex' ? 'ENOENT' : 'EXDEV');
      expect(['EXDEV', 'EISDIR']).toContain(codeOf(await sandbox().writeFile(path, bytes)));
    });

    it('do not fill more than there is room for', async () => {
      await shell('head -c 60M /dev/zero >/workspace/filler');
      expect(codeOf(await sandbox().writeFile('/workspace/too-much', Buffer.alloc(20_000_000)))).toBe('ENOSPC');
      expect((await shell('ls -A /workspace | grep -c "too-much\\|sallyport"; rm /workspace/filler')).text).toBe('0\n');
    });

    it('are listed with everything below, links not followed, up to a bound', async () => {
      await shell(
        'rm -rf /workspace/*; mkdir -p /workspace/w/a/b; cd /workspace/w; echo 12345 >a/b/é; ln -s / a/root; mkfifo p',
      );
      const walked = await sandbox().walk('/workspace/w', { entriesMax: 100 });
      const entries = walked.ok ? walked.value.entries.toSorted((x, y) => (x.path < y.path ? -1 : 1)) : [];
      expect(walked).toMatchObject({ ok: true, value: { truncated: false } });
      expect(entries.map(({ path, type }) => `${type} ${path}`)).toEqual([
        'dir a',
        'dir a/b',
        'file a/b/é',
        'link a/root',
        'other p',
      ]);
      expect(entries[2]).toMatchObject({ size: 6 });
      expect(Math.abs((entries[2]?.mtimeMs ?? 0) - Date.now())).toBeLessThan(60_000);
      const cut = await sandbox().walk('/workspace/w', { entriesMax: 3 });
      expect(cut.ok && [cut.value.entries.length, cut.value.truncated]).toEqual([3, true]);
      expect(codeOf(await sandbox().walk('/workspace/none', { entriesMax: 3 }))).toBe('ENOENT');
      expect(codeOf(await sandbox().walk('/workspace/w/p', { entriesMax: 3 }))).toBe('ENOTDIR');
      expect(codeOf(await sandbox().walk('/', { entriesMax: 3 }))).toBe('EXDEV');
    });
  });
}
