import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Suite } from '../harness/suite.ts';
import { suiteSockets } from '../harness/suite-sockets.ts';
import { verifies } from '../harness/verifies.ts';
import { BothHalves, type Recovery } from './both-halves.ts';
import { CutNetwork } from './cut-network.ts';
import { form, report } from './form.ts';
import { type KafkaUnderFault, startKafkaUnderFault } from './kafka-under-fault.ts';
import { hasRoot } from './needs-root.ts';

const cutMs = form.name === 'full' ? [3_000, 40_000] : [3_000];
/** On the way when the cable is pulled. */
const settleMs = 500;
const startMsMax = 30_000;
const isRoot = hasRoot('partitions', 'network namespaces need root');

/** Those above come first: who is started again below a detour connects by it. */
const behindSockets = [
  { name: 'postgres', socket: 'postgres/.s.PGSQL.5432', restarted: 'audit' },
  { name: 'audit', socket: 'audit.sock', restarted: 'control' },
  { name: 'control', socket: 'control.sock', restarted: 'edge' },
  { name: 'edge', socket: 'edge.sock', restarted: 'scheduler' },
  { name: 'scheduler', socket: 'scheduler.sock', restarted: 'router' },
  { name: 'executor', socket: 'scheduler-executors.sock', restarted: 'executor' },
] as const;

/** What becomes of the tunnel's calls and of the sandboxes'. Without control they go on as long as the router remembers what it said: here it is left open. */
const expected: Readonly<Record<string, readonly [Fate, Fate]>> = {
  broker: ['go on', 'go on'],
  postgres: ['halt', 'halt'],
  audit: ['go on', 'go on'],
  control: ['open', 'open'],
  edge: ['halt', 'open'],
  scheduler: ['open', 'halt'],
  executor: ['open', 'halt'],
  router: ['halt', 'halt'],
};
type Fate = 'go on' | 'halt' | 'open';

describe.skipIf(!isRoot)('processes that are cut off, one after the other', () => {
  const networks = new Map<string, CutNetwork>();
  const openNetwork = (name: string): CutNetwork => {
    const network = CutNetwork.open(10 + networks.size);
    networks.set(name, network);
    return network;
  };
  let kafka: KafkaUnderFault | undefined;
  let halves: BothHalves;
  let routerHost: string;
  beforeAll(async () => {
    kafka = await startKafkaUnderFault((port) => openNetwork('broker').detourPort(port));
    halves = await BothHalves.start(kafka?.brokers);
    const { suite } = halves;
    for (const { name, socket, restarted } of behindSockets) {
      const network = openNetwork(name);
      const path = join(suiteSockets(suite.ready.dataDir), socket);
      await untilItListens(path);
      await network.detour(path);
      await startAgain(suite, restarted);
    }
    routerHost = await openNetwork('router').detourTwin(Number(new URL(suite.ready.routerUrl).port));
  });
  afterAll(async () => {
    await halves?.stop();
    await kafka?.stop();
    for (const network of networks.values()) network.close();
  });

  verifies(
    'campaign:partitions',
    async () => {
      const load = halves.load({ tunnel: 4, sandboxes: 2 }, routerHost);
      await load.workAgain();
      const recoveryMs: Record<string, Recovery[]> = {};
      for (const ms of cutMs)
        for (const [name, network] of networks) {
          expect(network.connections, `connections to ${name} by its cable`).toBeGreaterThan(0);
          network.cut();
          await sleep(settleMs);
          const arrived = [load.agents.succeeded, load.sessions.succeeded] as const;
          await sleep(ms);
          const fates = expected[name];
          if (fates === undefined) throw new Error(`what becomes of calls without ${name} is not said`);
          fates.forEach((fate, half) => {
            const calls = (half === 0 ? load.agents : load.sessions).succeeded - (arrived[half] ?? 0);
            const seen = calls > 0 ? 'go on' : 'halt';
            expect(fate === 'open' ? 'open' : seen, `calls while ${name} is cut off`).toBe(fate);
          });
          network.mend();
          (recoveryMs[name] ??= []).push(await load.workAgain());
        }
      await load.stop();
      const { wrong, figures } = await load.verdicts();
      expect(wrong).toEqual([]);
      report('partitions', { cutMs, recoveryMs, ...figures });
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
