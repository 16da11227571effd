import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';
import { edgeAddress, startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verdictsOf } from './call-verdicts.ts';
import { CountingUpstream } from './counting-upstream.ts';
import { CutNetwork } from './cut-network.ts';
import { form, report } from './form.ts';
import { hasRoot } from './needs-root.ts';
import { SteadyLoad } from './steady-load.ts';

const cutMs = form.name === 'full' ? [2_000, 20_000, 60_000] : [5_000];
/** From the mended cable: the connector's watchdog has to see that its connection is dead, and its back-off runs out. */
const recoverMsMax = 90_000;
/** What an agent waits at most for the word that its tunnel is dead. */
const toldMsMax = 36_000;
const isRoot = hasRoot('the cut network', 'network namespaces need root');

describe.skipIf(!isRoot)('the network between connector and edge', () => {
  let network: CutNetwork;
  let suite: Suite;
  let upstream: CountingUpstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    network = CutNetwork.open(7);
    suite = await startSuite({ args: [] });
    upstream = await CountingUpstream.start();
    const edge = await network.publish(Number(edgeAddress(suite).split(':').at(-1)));
    tunnel = await startTunnel(suite, {
      upstreamPort: upstream.port,
      network: {
        command: network.command,
        edge: `${edge.host}:${edge.port}`,
        upstream: await network.publish(upstream.port),
      },
    });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
    network?.close();
  });

  verifies(
    'campaign:network-cut',
    async () => {
      const target = { url: tunnel.mcpUrl, key: tunnel.apiKey, tool: 'echo', argumentsOf: () => ({}) };
      const load = new SteadyLoad(target, 4);
      while (load.succeeded < 50) await sleep(20);
      const recoveryMs: number[] = [];
      for (const ms of cutMs) {
        network.cut();
        await sleep(500); // what was on its way
        const arrived = load.succeeded;
        await sleep(ms);
        expect(load.succeeded).toBe(arrived);
        network.mend();
        const mendedMs = performance.now();
        const before = load.succeeded;
        while (load.succeeded < before + 10 && performance.now() - mendedMs < recoverMsMax) await sleep(20);
        recoveryMs.push(Math.round(performance.now() - mendedMs));
        expect(load.succeeded).toBeGreaterThanOrEqual(before + 10);
        await sleep(1_000);
      }
      await load.stop();
      const { ends, wrong } = await verdictsOf(suite, load, upstream);
      expect(wrong).toEqual([]);
      expect(load.slowestMs).toBeLessThan(toldMsMax);
      report('network cut', { cutMs, recoveryMs, slowestMs: Math.round(load.slowestMs), ends });
    },
    form.name === 'full' ? 900_000 : 300_000,
  );
});
