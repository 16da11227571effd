import { afterAll, beforeAll, describe, expect } from 'vitest';
import { call, callBody, callIdOf, modernHeaders, open } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, answerStream, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('faults', () => {
  let suite: Suite;
  let upstream: Upstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite();
    upstream = await Upstream.start((_request, response) =>
      answerJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}'),
    );
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
  });
  const echo = () => call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
  const worksAgain = async (withinMs: number) => {
    let last = 0;
    for (const until = Date.now() + withinMs; Date.now() < until; await sleep(250)) {
      last = (await echo().catch(() => ({ status: 0 }))).status;
      if (last === 200) return;
    }
    throw new Error(`does not work again within ${withinMs / 1000} s: ${last}`);
  };
  const phases = async (callId: string) => (await suite.eventsOf(callId)).map((event) => event.data.phase);

  verifies(
    'fault:connector-frozen',
    async () => {
      await worksAgain(10_000);
      tunnel.connector.kill('SIGSTOP');
      const startedAt = Date.now();
      const sent = await echo();
      const tookMs = Date.now() - startedAt;
      tunnel.connector.kill('SIGCONT');
      expect(sent.message.error.data.code).toBe('tunnel_unreachable');
      expect([502, 503, 504]).toContain(sent.status);
      expect(tookMs).toBeLessThan(35_000);
      expect((await phases(callIdOf(sent))).at(-1)).toBe('failed');
      await worksAgain(45_000);
    },
    150_000,
  );

  verifies('fault:connector-vanishes', async () => {
    const answer = upstream.answer;
    upstream.answer = (_request, response) => void answerStream(response).write(': started\n\n');
    const vanishing = await startTunnel(suite, { upstreamPort: upstream.port });
    const response = await open(
      vanishing.mcpUrl,
      vanishing.apiKey,
      callBody('slow'),
      modernHeaders('tools/call', 'slow'),
    );
    const reading = response.text().catch((error: unknown) => error);
    await sleep(300);
    vanishing.connector.kill('SIGKILL');
    expect(await reading).toBeInstanceOf(Error);
    const ended = await phases(callIdOf(response));
    expect(ended).toEqual(['requested', 'authorized', 'dispatched', 'failed']);
    const after = await call(vanishing.mcpUrl, vanishing.apiKey, 'echo');
    expect(after).toMatchObject({ status: 503, message: { error: { data: { code: 'tunnel_unreachable' } } } });
    upstream.answer = answer;
    await vanishing.stop();
  });

  verifies(
    ['fault:postgres-before', 'fault:postgres-during'],
    async () => {
      const answer = upstream.answer;
      let finish: () => void = () => undefined;
      upstream.answer = (_request, response) => {
        finish = () =>
          answerJson(
            response,
            '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"withheld-result"}]}}',
          );
      };
      upstream.seen.length = 0;
      const running = call(tunnel.mcpUrl, tunnel.apiKey, 'slow');
      while (upstream.seen.length === 0) await sleep(10);
      const postgres = suite.pidOf('postgres');
      process.kill(postgres, 'SIGSTOP');
      const { postgresPids } = await import('../harness/postgres-pids.ts');
      const servers = postgresPids(suite.ready.dataDir);
      for (const pid of servers) process.kill(pid, 'SIGSTOP');
      await sleep(200);
      const startedAt = Date.now();
      const refused = await echo();
      expect(refused).toMatchObject({ status: 503, message: { error: { data: { code: 'audit_unavailable' } } } });
      expect(callIdOf(refused)).toMatch(/^call_/);
      expect(Date.now() - startedAt).toBeLessThan(4_000);
      expect(upstream.seen).toHaveLength(1);
      finish();
      const withheld = await running;
      expect(withheld).toMatchObject({ status: 503, message: { error: { data: { code: 'outcome_unrecorded' } } } });
      expect(withheld.text).not.toContain('withheld-result');
      for (const pid of [...servers, postgres]) process.kill(pid, 'SIGCONT');
      expect((await phases(callIdOf(withheld))).at(-1)).toBe('orphaned');
      upstream.answer = answer;
      await worksAgain(30_000);
    },
    150_000,
  );

  verifies(
    'fault:child-dies',
    async () => {
      for (const service of ['edge', 'router', 'control', 'audit', 'postgres']) {
        process.kill(suite.pidOf(service), 'SIGKILL');
        await sleep(500);
        await worksAgain(60_000);
      }
      expect((await phases(callIdOf(await echo()))).at(-1)).toBe('completed');
    },
    240_000,
  );
});
