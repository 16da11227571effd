import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { callBody, callIdOf, modernHeaders, modernMeta, post } from '../harness/mcp.ts';
import { OtlpCollector } from '../harness/otlp-collector.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const spansMsMax = 15_000;
const canary = () => `canary-${randomBytes(12).toString('hex')}`;
const secrets = { argument: canary(), result: canary(), header: canary() };

describe('telemetry', () => {
  let collector: OtlpCollector;
  let suite: Suite;
  let upstream: Upstream;
  const tunnels: TestTunnel[] = [];
  beforeAll(async () => {
    collector = await OtlpCollector.start();
    const exporting = (service: string) => ({
      [`${service}_OTLP_ENDPOINT`]: collector.url,
      [`${service}_METRICS_INTERVAL_MS`]: '1000',
    });
    suite = await startSuite({ env: { ...exporting('ROUTER'), ...exporting('EDGE') } });
    upstream = await Upstream.start((_request, response) =>
      answerJson(response, JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [], note: secrets.result } })),
    );
    for (const mode of ['end_to_end', 'transport'] as const)
      tunnels.push(
        await startTunnel(suite, { upstreamPort: upstream.port, mode, connectorEnv: exporting('CONNECTOR') }),
      );
  });
  afterAll(async () => {
    for (const tunnel of tunnels) await tunnel.stop();
    await upstream?.stop();
    await suite?.dispose();
    await collector?.stop();
  });

  const tracedCall = async (tunnel: TestTunnel | undefined) => {
    if (tunnel === undefined) throw new Error('no tunnel');
    const agent = { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
    const traceparent = `00-${agent.traceId}-${agent.spanId}-01`;
    const body = callBody('echo', { text: secrets.argument }, 1, { ...modernMeta, traceparent });
    upstream.seen.length = 0;
    const sent = await post(tunnel.mcpUrl, tunnel.apiKey, body, {
      ...modernHeaders('tools/call', 'echo'),
      'x-private': secrets.header,
    });
    expect(sent.status).toBe(200);
    const [seen] = upstream.seen;
    const meta = JSON.parse(seen?.body.toString() ?? '{}').params._meta as { traceparent: string };
    return { agent, header: parse(seen?.headers['traceparent']), meta: parse(meta.traceparent), sent };
  };
  const spanOf = async (traceId: string, service: string, name?: string) => {
    const found = () =>
      collector.spans.find(
        (span) =>
          span.traceId === traceId && span.service === `sallyport-${service}` && (name ?? span.name) === span.name,
      );
    await expect.poll(found, { timeout: spansMsMax, message: `no span of ${service} ${name ?? ''}` }).toBeDefined();
    return found()!;
  };

  verifies(
    'telemetry:one-trace',
    async () => {
      const call = await tracedCall(tunnels[0]);
      const { traceId, spanId } = call.agent;
      const router = await spanOf(traceId, 'router', 'tools/call');
      const connector = await spanOf(traceId, 'connector', 'connector.request');
      expect(router.parentSpanId).toBe(spanId);
      expect(connector.parentSpanId).toBe(router.spanId);
      expect(call.header).toEqual({ traceId, spanId: connector.spanId });
      // Inside the body there is nobody between router and upstream.
      expect(call.meta).toEqual({ traceId, spanId: router.spanId });
      // This call was the first, so it opened the byte stream through the edge.
      expect((await spanOf(traceId, 'router')).spanId).toBe(router.spanId);
      const [event] = await suite.eventsOf(callIdOf(call.sent));
      expect(parse(event?.traceparent)).toEqual({ traceId, spanId: router.spanId });

      const plain = await tracedCall(tunnels[1]);
      const id = plain.agent.traceId;
      const hops = [await spanOf(id, 'router'), await spanOf(id, 'edge'), await spanOf(id, 'connector')];
      expect(hops.map(({ parentSpanId }) => parentSpanId)).toEqual([
        plain.agent.spanId,
        ...hops.slice(0, 2).map((span) => span.spanId),
      ]);
      expect(plain.header).toEqual({ traceId: id, spanId: hops[2]?.spanId });

      for (const metric of [
        'sallyport-router sallyport.outbox.commit.duration',
        'sallyport-router sallyport.outbox.published',
        'sallyport-edge sallyport.edge.streams',
        'sallyport-connector sallyport.connector.requests',
      ])
        await expect.poll(() => [...collector.metrics], { timeout: spansMsMax, message: metric }).toContain(metric);
      // The byte stream ends with its tunnel, and with it the edge's span of the call that opened it.
      await tunnels[0]?.stop();
      expect((await spanOf(traceId, 'edge', 'edge.byte_stream')).parentSpanId).toBe(router.spanId);

      const everything = collector.bodies.join('\n');
      expect(everything).toContain(traceId);
      const credentials = tunnels.flatMap(({ apiKey }) => [apiKey, apiKey.slice(-20)]);
      for (const secret of [...Object.values(secrets), ...credentials, suite.operatorKey])
        expect(everything.includes(secret)).toBe(false);
    },
    120_000,
  );
});

function parse(traceparent: string | string[] | undefined) {
  const [, traceId = '', spanId = ''] = String(traceparent).split('-');
  return { traceId, spanId };
}
