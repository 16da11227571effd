import { afterAll, beforeAll, describe, expect } from 'vitest';
import { callBody, modernHeaders, post } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const bodyBytes = 3_500_000;
const lanes = 12;
const callsPerLane = 4;
const callMsMax = 60_000;

describe('large bodies', () => {
  let suite: Suite;
  let upstream: Upstream;
  let tunnel: TestTunnel;
  beforeAll(async () => {
    suite = await startSuite();
    const text = 'y'.repeat(bodyBytes);
    const answer = `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"${text}"}]}}`;
    upstream = await Upstream.start((_request, response) => {
      upstream.seen.length = 0; // they are large
      answerJson(response, answer);
    });
    tunnel = await startTunnel(suite, { upstreamPort: upstream.port });
  });
  afterAll(async () => {
    await tunnel?.stop();
    await upstream?.stop();
    await suite?.dispose();
  });

  verifies(
    'relay:both-ways',
    async () => {
      const body = callBody('echo', { message: 'x'.repeat(bodyBytes) });
      const lane = async () => {
        const seen: string[] = [];
        for (let done = 0; done < callsPerLane; done += 1) {
          const headers = modernHeaders('tools/call', 'echo');
          const sent = await post(tunnel.mcpUrl, tunnel.apiKey, body, headers, AbortSignal.timeout(callMsMax));
          seen.push(`${sent.status} ${sent.text.length > bodyBytes ? 'whole' : sent.text.slice(0, 200)}`);
        }
        return seen;
      };
      const seen = await Promise.all(Array.from({ length: lanes }, lane));
      expect(new Set(seen.flat())).toEqual(new Set(['200 whole']));
    },
    240_000,
  );
});
