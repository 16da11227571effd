import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { verifies } from '../harness/verifies.ts';
import type { TunnelRoute } from './client/through-tunnel.ts';
import { pinnedSuite } from './pinned-suite.ts';
import { PortSwitch } from './port-switch.ts';
import { clientScenarios, type Revision, revisions, runConformance } from './run-conformance.ts';

/** Checks that pass, with the server asked directly: a scenario that does less has not run. */
const known: Record<Revision, Readonly<Record<string, number>>> = {
  '2025-11-25': {
    initialize: 1,
    tools_call: 2,
    'elicitation-sep1034-client-defaults': 5,
    'sse-retry': 3,
    'json-schema-2020-12-preservation': 9,
  },
  '2026-07-28': {
    tools_call: 2,
    'request-metadata': 8,
    'sep-2322-client-request-state': 5,
    'http-standard-headers': 9,
    'http-custom-headers': 18,
    'http-invalid-tool-headers': 12,
    'json-schema-ref-no-deref': 1,
    'json-schema-2020-12-preservation': 9,
  },
};

/** Of the scenarios `auth/*` those that are scored. */
const authorizingCount: Record<Revision, number> = { '2025-11-25': 14, '2026-07-28': 25 };

/** Optional, and about tokens of other kinds. */
const extensions = [
  'auth/client-credentials-jwt',
  'auth/client-credentials-basic',
  'auth/enterprise-managed-authorization',
  'auth/dpop',
  'auth/dpop-nonce',
  'auth/wif-jwt-bearer',
];

const runsMsMax = 300_000;
const clientFile = fileURLToPath(new URL('./client/main.ts', import.meta.url));

describe('MCP conformance of a client, directly and through the tunnel', () => {
  const conformance = pinnedSuite();
  const authorizing = (revision: Revision) =>
    clientScenarios(conformance, revision).filter((name) => name.startsWith('auth/') && !extensions.includes(name));
  let suite: Suite;
  let portSwitch: PortSwitch;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite();
    portSwitch = await PortSwitch.start();
    tunnel = await startTunnel(suite, { upstreamPort: portSwitch.port, rules: [{ effect: 'allow', method: '*' }] });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await portSwitch?.stop();
    await suite?.dispose();
  });

  const play = async (revision: Revision, scenario: string, env: Readonly<Record<string, string>> = {}) => {
    const command = `${process.execPath} ${clientFile}`;
    const run = await runConformance(conformance, revision, { side: 'client', command, scenario, env });
    const { exitCode, complaint } = run;
    const result = run.scenarios[scenario];
    if (result === undefined || result.checks.length === 0) throw new Error(`${scenario} has not run:\n${complaint}`);
    return { scenario, exitCode, complaint, result };
  };
  const playThroughTunnel = async (revision: Revision, scenario: string) => {
    const route: TunnelRoute = { url: `${suite.ready.routerUrl}/t/${tunnel.host}`, apiKey: tunnel.apiKey };
    const before = portSwitch.served;
    const played = await play(revision, scenario, { CONFORMANCE_TUNNEL: JSON.stringify(route) });
    if (portSwitch.served === before) throw new Error(`${scenario} did not go through the tunnel`);
    return played;
  };

  it.each(revisions)('no client scenario of %s is forgotten', (revision) => {
    const played = [...Object.keys(known[revision]), ...authorizing(revision), ...extensions];
    expect(played.sort()).toEqual([...clientScenarios(conformance, revision)].sort());
  });

  for (const revision of revisions)
    verifies(
      'conformance:client',
      async () => {
        for (const [scenario, passed] of Object.entries(known[revision])) {
          const direct = await play(revision, scenario);
          const result = { passed, failed: 0, warned: 0 };
          expect(direct).toMatchObject({ scenario, exitCode: 0, complaint: '', result });
          expect(await playThroughTunnel(revision, scenario)).toEqual(direct);
        }
      },
      runsMsMax,
    );

  // The tool is server and authorization server; the client reaches the server, with its OAuth documents, through the tunnel alone.
  for (const revision of revisions)
    verifies(
      'conformance:oauth',
      async () => {
        const differing: unknown[] = [];
        expect(authorizing(revision)).toHaveLength(authorizingCount[revision]);
        for (const scenario of authorizing(revision)) {
          const direct = await play(revision, scenario);
          expect(direct).toMatchObject({ scenario, exitCode: 0, complaint: '', result: { failed: 0, warned: 0 } });
          expect(direct.result.passed).toBeGreaterThan(0);
          const relayed = await playThroughTunnel(revision, scenario);
          if (JSON.stringify(relayed) !== JSON.stringify(direct)) differing.push({ scenario, direct, relayed });
        }
        expect(differing).toEqual([]);
      },
      runsMsMax,
    );
});
