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
const isRoot = process.getuid?.() === 0;
if (!isRoot && (process.env['CI'] ?? '') !== '')
  throw new Error('network namespaces need root, and in CI nothing is skipped');
if (!isRoot) console.warn('SKIPPED, partitions: network namespaces need root');

/** The ways a call travels between services, and which half stands still without one. Routes and keys are remembered for a while. */
const links = [
  { name: 'router to edge', socket: 'edge', halts: 'tunnel' },
  { name: 'router to scheduler', socket: 'scheduler', halts: 'sandboxes' },
  { name: 'executor to scheduler', socket: 'scheduler-executors', halts: 'sandboxes' },
  { name: 'router to control', socket: 'control', halts: undefined },
] as const;

describe.skipIf(!isRoot)('services that cannot reach each other', () => {
  const networks = new Map<string, CutNetwork>();
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite({ args: [] });
    upstream = await CountingUpstream.start();
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
    for (const [index, { name, socket }] of links.entries()) {
      const network = CutNetwork.open(10 + index);
      networks.set(name, network);
      await network.detour(join(suiteSockets(suite.ready.dataDir), `${socket}.sock`));
    }
    // Those that are started again connect by the cables; they listen at no socket themselves.
    for (const service of ['router', 'executor']) process.kill(suite.pidOf(service), 'SIGKILL');
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
        for (const { name, halts } of links) {
          const halted = () => (halts === 'tunnel' ? agents.succeeded : halts === 'sandboxes' ? sessions.succeeded : 0);
          const network = networks.get(name);
          network?.cut();
          await sleep(settleMs);
          const arrived = halted();
          await sleep(ms);
          expect(halted(), `calls without the way from ${name}`).toBe(arrived);
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
