import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { form, report } from './form.ts';
import { hasRoot } from './needs-root.ts';
import { SteadyLoad } from './steady-load.ts';

const sizeMib = 900;
/** From the call to its refusal. One that was under way may wait longer for its end to be written. */
const refusalMsMax = 4_000;
const isRoot = hasRoot('the full disk', 'a file system of a fixed size can be mounted by root alone');

describe.skipIf(!isRoot)('a full disk', () => {
  let disk: string;
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=755`, 'tmpfs', disk]);
    suite = await startSuite({ args: [], dataDir: join(disk) });
    upstream = await CountingUpstream.start();
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.stop();
    execFileSync('umount', ['--lazy', disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  verifies(
    'campaign:disk-full',
    async () => {
      const target = { url: tunnel.mcpUrl, key: tunnel.apiKey, tool: 'echo', argumentsOf: () => ({}) };
      const load = new SteadyLoad(target, 4);
      while (load.succeeded < 50) await sleep(20);
      const filler = fill(join(disk, 'filler'));
      const refused = () => [...load.calls.values()].filter(({ status }) => status !== 200);
      const fullMs = performance.now();
      while (refused().length === 0 && performance.now() - fullMs < 60_000) await sleep(20);
      const firstRefusalMs = performance.now() - fullMs;
      while (refused().length < form.refusedCalls && performance.now() - fullMs < 300_000) await sleep(20);
      expect(refused().length).toBeGreaterThanOrEqual(form.refusedCalls);
      const reasons: Record<string, number> = {};
      for (const { code, status } of refused()) reasons[`${status} ${code}`] = (reasons[`${status} ${code}`] ?? 0) + 1;
      rmSync(filler);
      const freedMs = performance.now();
      const before = load.succeeded;
      while (load.succeeded < before + 20 && performance.now() - freedMs < 120_000) await sleep(20);
      const recoveryMs = performance.now() - freedMs;
      await load.stop();
      expect(load.succeeded).toBeGreaterThanOrEqual(before + 20);
      expect(
        Object.keys(reasons).filter(
          (reason) => !/ (?:audit_unavailable|outcome_unrecorded|control_unavailable)$/.test(reason),
        ),
      ).toEqual([]);
      const slowestMs = (code: string) =>
        Math.max(0, ...[...load.calls.values()].filter((call) => call.code === code).map(({ tookMs }) => tookMs));
      expect(slowestMs('audit_unavailable')).toBeGreaterThan(0);
      expect(slowestMs('audit_unavailable')).toBeLessThan(refusalMsMax);
      const { ends, wrong } = await verdictsOf(suite, load, upstream);
      expect(wrong).toEqual([]);
      report('disk full', {
        calls: load.calls.size,
        ends,
        reasons,
        firstRefusalMs: Math.round(firstRefusalMs),
        slowestRefusalMs: slowestMs('audit_unavailable'),
        slowestMs: load.slowestMs,
        recoveryMs: Math.round(recoveryMs),
      });
    },
    900_000,
  );
});

/** Takes all the room that is left. */
function fill(path: string): string {
  const file = openSync(path, 'w');
  try {
    for (let bytes = 1024 * 1024; bytes >= 4096;) {
      try {
        if (writeSync(file, Buffer.alloc(bytes)) < bytes) bytes /= 2;
      } catch {
        bytes /= 2;
      }
    }
  } finally {
    closeSync(file);
  }
  return path;
}
