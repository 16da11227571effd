import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlGroups } from './control-groups.ts';

/** Folders that look like the kernel's, where a group is a folder and a limit is a file. What the kernel does with them is not shown by this. */
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-groups-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function host(
  lines: { readonly cgroup: string; readonly mounts: readonly string[] },
  folders: Readonly<Record<string, string>>,
): string {
  for (const [path, text] of Object.entries(folders)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  writeFileSync(join(root, 'cgroup'), lines.cgroup);
  writeFileSync(join(root, 'mountinfo'), lines.mounts.map((mount) => mount.replaceAll('ROOT', root)).join('\n'));
  return root;
}

function openFilesBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return []; // that of the listing itself
    }
  });
}

const unified = (mountRoot: string) => `30 20 0:26 ${mountRoot} ROOT/v2 rw,nosuid shared:9 - cgroup2 cgroup2 rw`;
const v1 = (controllers: string) => `31 20 0:27 / ROOT/${controllers} rw - cgroup cgroup rw,${controllers}`;
const limits = { cpuMillis: 1_500, memoryMib: 64, processes: 10 };

describe('control groups of version 2', () => {
  const enabled = {
    'v2/ours/cgroup.controllers': 'cpu io memory pids\n',
    'v2/ours/cgroup.subtree_control': 'cpu memory pids\n',
  };

  it('are used where the controllers are there, with the limits in their files', () => {
    const found = ControlGroups.detect(host({ cgroup: '0::/ours\n', mounts: [unified('/')] }, enabled), {
      isTrial: false,
    });
    expect(found).toMatchObject({ ok: true, value: { version: 2 } });
    if (!found.ok) return;
    const group = found.value.create('one', limits);
    expect(group.directories).toEqual([join(root, 'v2/ours/one')]);
    const read = (file: string) => readFileSync(join(root, 'v2/ours/one', file), 'utf8');
    expect([read('pids.max'), read('memory.max'), read('cpu.max')]).toEqual([
      '10',
      String(64 * 1024 * 1024),
      '150000 100000',
    ]);
    expect(group.oomKills()).toBe(0);
    writeFileSync(join(root, 'v2/ours/one/memory.events'), 'low 0\noom 3\noom_kill 2\noom_group_kill 0\n');
    writeFileSync(join(root, 'v2/ours/one/cpu.stat'), 'usage_usec 5\nnr_periods 4\nnr_throttled 3\n');
    expect([group.oomKills(), group.throttled()]).toEqual([2, 3]);
    writeFileSync(join(root, 'v2/ours/one/memory.events'), 'low 0\noom 4\noom_kill 12\noom_group_kill 0\n');
    expect(group.oomKills()).toBe(12);
    group.close();
    expect([group.oomKills(), group.throttled()]).toEqual([0, 0]);
    expect(openFilesBelow(root)).toEqual([]);
  });

  it('are found below the part that a container sees', () => {
    const at = host({ cgroup: '0::/docker/abc/ours\n', mounts: [unified('/docker/abc')] }, enabled);
    const found = ControlGroups.detect(at, { isTrial: false });
    expect(found.ok && found.value.directories('x')).toEqual([join(root, 'v2/ours/x')]);
  });

  it('get their controllers enabled, beside the group that this process is in', () => {
    const files = { ...enabled, 'v2/ours/cgroup.subtree_control': '' };
    const found = ControlGroups.detect(
      host(
        { cgroup: '0::/ours/sallyport-executor\n', mounts: [unified('/')] },
        { ...files, 'v2/ours/sallyport-executor/cgroup.procs': '' },
      ),
      { isTrial: false },
    );
    expect(found.ok && found.value.directories('x')).toEqual([join(root, 'v2/ours/x')]);
    expect(readFileSync(join(root, 'v2/ours/cgroup.subtree_control'), 'utf8')).toBe('+pids +memory +cpu');
  });
});

describe('control groups of version 1', () => {
  const files = {
    'pids/tasks': '',
    'memory/deep/ours/tasks': '',
    'cpu/tasks': '',
    'v2/cgroup.controllers': 'hugetlb\n',
  };
  const mounts = [unified('/'), v1('pids'), v1('memory'), v1('cpu')];
  const cgroup = '8:pids:/\n4:memory:/deep/ours\n1:cpu,cpuacct:/\n0::/\n';

  it('are used where version 2 lacks the controllers', () => {
    const found = ControlGroups.detect(host({ cgroup, mounts }, files), { isTrial: false });
    expect(found).toMatchObject({ ok: true, value: { version: 1 } });
    if (!found.ok) return;
    const { directories } = found.value.create('one', limits);
    expect(directories).toEqual(['pids/one', 'memory/deep/ours/one', 'cpu/one'].map((path) => join(root, path)));
    const written = ['pids/one/pids.max', 'memory/deep/ours/one/memory.limit_in_bytes', 'cpu/one/cpu.cfs_quota_us'];
    expect(written.map((file) => readFileSync(join(root, file), 'utf8'))).toEqual(['10', '67108864', '150000']);
  });

  it('are missing with a reason, and leave nothing of what could not be made', () => {
    const found = ControlGroups.detect(host({ cgroup, mounts: mounts.slice(0, 2) }, files));
    expect(found).toEqual({
      ok: false,
      reason:
        'control groups of version 2 without pids, memory, cpu; no control groups of version 1 with pids, memory and cpu',
    });
    expect(existsSync(join(root, 'pids/one'))).toBe(false);
  });
});
