import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verifies } from '../harness/verifies.ts';
import { BearerShim } from './bearer-shim.ts';
import { FixtureServer } from './fixture-server.ts';
import { pinnedSuite } from './pinned-suite.ts';
import { type ConformanceRun, type Revision, revisions, runConformance } from './run-conformance.ts';

/** Of the pinned release, with the fixture asked directly. What a run does not reach, it has not run. */
const known: Record<Revision, { readonly scenarios: number; readonly passed: number; readonly failed: number }> = {
  '2025-11-25': { scenarios: 33, passed: 84, failed: 0 },
  '2026-07-28': { scenarios: 50, passed: 164, failed: 30 },
};
/** The extension for tasks is optional, and the fixture has none: its scenarios fail, and must fail alike. */
const optional = /^tasks-/;
const runsMsMax = 400_000;

describe('MCP conformance of a server, directly and through the tunnel', () => {
  const conformance = pinnedSuite();
  let shim: BearerShim;
  let suite: Suite;
  let fixture: FixtureServer;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    shim = await BearerShim.start();
    suite = await startSuite({ env: { ROUTER_OWN_HOSTS: shim.host } });
    fixture = await FixtureServer.start();
    // Without `method` a rule speaks of tool calls only.
    const rules = [{ effect: 'allow', method: '*' }];
    tunnel = await startTunnel(suite, { upstreamPort: fixture.port, rules });
    fixture.serveAs(tunnel.host);
    shim.aim({ port: Number(new URL(suite.ready.routerUrl).port), key: tunnel.apiKey });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await fixture?.stop();
    await suite?.dispose();
    await shim?.stop();
  });

  for (const revision of revisions)
    verifies(
      'conformance:server',
      async () => {
        const tunnelled = `http://${shim.host}${new URL(tunnel.mcpUrl).pathname}`;
        const direct = await runConformance(conformance, revision, { side: 'server', url: fixture.url });
        const relayed = await runConformance(conformance, revision, { side: 'server', url: tunnelled });
        console.info(`${revision}: directly ${summary(direct)}; through the tunnel ${summary(relayed)}`);
        expect(direct).toMatchObject({ exitCode: 0, complaint: '' });
        expect(totals(direct)).toEqual(known[revision]);
        const results = Object.entries(direct.scenarios);
        expect(results.filter(([, { checks }]) => checks.length === 0)).toEqual([]);
        expect(results.filter(([name, { failed }]) => failed > 0 && !optional.test(name))).toEqual([]);
        expect(relayed.scenarios).toEqual(direct.scenarios);
        expect(relayed).toMatchObject({ exitCode: 0, complaint: '' });
      },
      runsMsMax,
    );
});

function totals({ scenarios }: ConformanceRun) {
  const results = Object.values(scenarios);
  const sum = (of: 'passed' | 'failed') => results.reduce((total, result) => total + result[of], 0);
  return { scenarios: results.length, passed: sum('passed'), failed: sum('failed') };
}

function summary(run: ConformanceRun): string {
  const { scenarios, passed, failed } = totals(run);
  return `exit ${run.exitCode}, ${passed} of ${passed + failed} checks in ${scenarios} scenarios`;
}
