import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { postgresPids } from '../harness/postgres-pids.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { form, report } from './form.ts';
import { commandOnce, SteadyLoad } from './steady-load.ts';
import { workAgain } from './work-again.ts';

const stopMs = form.name === 'full' ? [3_000, 40_000] : [3_000];
const services = ['router', 'edge', 'audit', 'scheduler', 'executor', 'control'] as const;
type Victim = (typeof services)[number] | 'connector' | 'postgres';
const victims: readonly Victim[] = [...services, 'connector', 'postgres'];

/** A stopped process is what a dead network looks like to its peers: connections stand, and nothing comes. */
describe('processes that stand still, one after the other, while both halves are at work', () => {
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite({ args: [] });
    upstream = await CountingUpstream.start();
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
  });
  const pidsOf = (victim: Victim): readonly number[] => {
    if (victim === 'connector') return [tunnel.connector.pid ?? 0];
    return victim === 'postgres' ? postgresPids(suite.ready.dataDir) : [suite.pidOf(victim)];
  };

  verifies(
    'campaign:stops',
    async () => {
      expect(suite.ready.sandboxProblem).toBeNull();
      const agents = new SteadyLoad(
        { url: tunnel.mcpUrl, key: tunnel.apiKey, tool: 'echo', argumentsOf: () => ({}) },
        4,
      );
      const sessions = new SteadyLoad(
        { url: suite.ready.sessionMcpUrl ?? '', key: suite.ready.apiKey, tool: 'bash', argumentsOf: commandOnce },
        2,
      );
      const wanted = [
        [agents, 9],
        [sessions, 5],
      ] as const;
      await workAgain(wanted);
      const recoveryMs: Record<string, number[]> = {};
      for (const ms of stopMs)
        for (const victim of victims) {
          const pids = pidsOf(victim);
          for (const pid of pids) process.kill(pid, 'SIGSTOP');
          await sleep(ms);
          for (const pid of pids) resume(pid);
          (recoveryMs[victim] ??= []).push(await workAgain(wanted));
        }
      await Promise.all([agents.stop(), sessions.stop()]);
      const tunnelled = await verdictsOf(suite, agents, upstream);
      const sandboxed = await verdictsOf(suite, sessions);
      expect(tunnelled.wrong).toEqual([]);
      expect(sandboxed.wrong).toEqual([]);
      report('stops', {
        stopMs,
        recoveryMs,
        slowestMs: [Math.round(agents.slowestMs), Math.round(sessions.slowestMs)],
        tunnelled: tunnelled.ends,
        sandboxed: sandboxed.ends,
      });
    },
    form.name === 'full' ? 3_600_000 : 600_000,
    'sandbox',
  );
});

/** It may have been replaced meanwhile. */
function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    return;
  }
}
