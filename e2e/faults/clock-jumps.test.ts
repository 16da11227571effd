import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { runCli } from '../harness/run-cli.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { report } from './form.ts';
import { hasRoot } from './needs-root.ts';
import { OtherClock } from './other-clock.ts';
import { SteadyLoad } from './steady-load.ts';

const isRoot = hasRoot('jumps of the clock', 'a suite gets another clock from root alone');

/** Seconds from the true time. */
const jumps = [3_600, -7_200, 0, 86_400];
const agreeMs = 60_000;
const perJump = 60;

describe.skipIf(!isRoot)('a clock that jumps', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-clock-'));
  let clock: OtherClock;
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    clock = new OtherClock();
    suite = await startSuite({ args: [], command: clock.command });
    upstream = await CountingUpstream.start();
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
    clock?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  verifies(
    'campaign:clock-jumps',
    async () => {
      const target = { url: tunnel.mcpUrl, key: tunnel.apiKey, tool: 'echo', argumentsOf: () => ({}) };
      const load = new SteadyLoad(target, 3);
      while (load.succeeded < perJump) await sleep(20);
      const recoveryMs: number[] = [];
      for (const jump of jumps) {
        const before = load.succeeded;
        clock.set(jump);
        const jumpedMs = performance.now();
        while (load.succeeded < before + 10 && performance.now() - jumpedMs < 60_000) await sleep(10);
        recoveryMs.push(Math.round(performance.now() - jumpedMs));
        while (load.succeeded < before + perJump && performance.now() - jumpedMs < 60_000) await sleep(20);
        expect(load.succeeded, `after a jump to ${jump}`).toBeGreaterThanOrEqual(before + perJump);
        const last = [...load.calls.values()].findLast(({ status }) => status === 200);
        const [event] = await suite.eventsOf(last?.callId ?? '');
        const awayMs = Date.parse(event?.time ?? '') - Date.now() - jump * 1_000;
        expect(Math.abs(awayMs), `the clock of the suite after a jump to ${jump}`).toBeLessThan(agreeMs);
      }
      await load.stop();
      const { ends, wrong } = await verdictsOf(suite, load, upstream);
      expect(wrong).toEqual([]);
      const tiles = join(directory, 'tiles');
      const vkeys = join(directory, 'vkeys');
      writeFileSync(vkeys, `${suite.ready.auditVkeys.join('\n')}\n`);
      expect((await runCli('audit', 'export', '--tiles', tiles, '--data', suite.ready.dataDir)).code).toBe(0);
      expect((await runCli('audit', 'verify', tiles, '--vkeys', vkeys)).code).toBe(0);
      report('clock jumps', { jumps, recoveryMs, ends });
    },
    600_000,
  );
});
