import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { suiteSockets } from '../harness/suite-sockets.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verifies } from '../harness/verifies.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { CutNetwork } from './cut-network.ts';
import { form, report } from './form.ts';
import { commandOnce, SteadyLoad } from './steady-load.ts';
import { workAgain } from './work-again.ts';

const cutMs = form.name === 'full' ? [3_000, 40_000] : [3_000];
/** On the way when the cable is pulled. */
const settleMs = 500;
const startMsMax = 30_000;
const isRoot = process.getuid?.() === 0;
if (!isRoot && (process.env['CI'] ?? '') !== '')
  throw new Error('network namespaces need root, and in CI nothing is skipped');
if (!isRoot) console.warn('SKIPPED, partitions: network namespaces need root');

/**
 * Each process, cut off from all that connect to it. Those above come first: who is started again below a detour connects by it. `halts`: the half that
 * stands still without it; undefined where both work on for a while with what they remember.
 */
const cutOff = [
  { name: 'postgres', socket: 'postgres/.s.PGSQL.5432', restarted: 'audit', halts: 'both' },
  { name: 'audit', socket: 'audit.sock', restarted: 'control', halts: undefined },
  { name: 'control', socket: 'control.sock', restarted: 'edge', halts: undefined },
  { name: 'edge', socket: 'edge.sock', restarted: 'scheduler', halts: 'tunnel' },
  { name: 'scheduler', socket: 'scheduler.sock', restarted: 'router', halts: 'sandboxes' },
  { name: 'executor', socket: 'scheduler-executors.sock', restarted: 'executor', halts: 'sandboxes' },
] as const;

describe.skipIf(!isRoot)('processes that are cut off, one after the other', () => {
  const networks = new Map<string, CutNetwork>();
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite({ args: [] });
    upstream = await CountingUpstream.start();
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
    for (const [index, { name, socket, restarted }] of cutOff.entries()) {
      const network = CutNetwork.open(10 + index);
      networks.set(name, network);
      const path = join(suiteSockets(suite.ready.dataDir), socket);
      await untilItListens(path);
      await network.detour(path);
      await startAgain(suite, restarted);
    }
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
    for (const network of networks.values()) network.close();
  });

  verifies(
    'campaign:partitions',
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
      for (const ms of cutMs)
        for (const { name, halts } of cutOff) {
          const halted = () => [
            halts === 'tunnel' || halts === 'both' ? agents.succeeded : 0,
            halts === 'sandboxes' || halts === 'both' ? sessions.succeeded : 0,
          ];
          const network = networks.get(name);
          expect(network?.connections, `connections to ${name} by its cable`).toBeGreaterThan(0);
          network?.cut();
          await sleep(settleMs);
          const arrived = halted();
          await sleep(ms);
          expect(halted(), `calls while ${name} is cut off`).toEqual(arrived);
          network?.mend();
          (recoveryMs[name] ??= []).push(await workAgain(wanted));
        }
      await Promise.all([agents.stop(), sessions.stop()]);
      const tunnelled = await verdictsOf(suite, agents, upstream);
      const sandboxed = await verdictsOf(suite, sessions);
      expect(tunnelled.wrong).toEqual([]);
      expect(sandboxed.wrong).toEqual([]);
      report('partitions', {
        cutMs,
        recoveryMs,
        slowestMs: [Math.round(agents.slowestMs), Math.round(sessions.slowestMs)],
        tunnelled: tunnelled.ends,
        sandboxed: sandboxed.ends,
      });
    },
    form.name === 'full' ? 1_800_000 : 600_000,
    'sandbox',
  );
});

/** A socket that is there is the new process's: that of the old one is removed before its successor starts. */
async function untilItListens(path: string): Promise<void> {
  for (const untilMs = performance.now() + startMsMax; !existsSync(path); await sleep(50))
    if (performance.now() > untilMs) throw new Error(`nothing listens at ${path} after ${startMsMax / 1_000} s`);
}

/** Resolves once another process of the service has taken its place. */
async function startAgain(suite: Suite, service: string): Promise<void> {
  const before = suite.pidOf(service);
  process.kill(before, 'SIGKILL');
  for (const untilMs = performance.now() + startMsMax; performance.now() < untilMs; await sleep(50)) {
    try {
      if (suite.pidOf(service) !== before) return;
    } catch {
      continue; // between the two there is no pid
    }
  }
  throw new Error(`${service} was not started again within ${startMsMax / 1_000} s`);
}
