import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { callBody, modernHeaders, post, type Sent } from '../harness/mcp.ts';
import { findInMemory } from '../harness/process-memory.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TestTunnel } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const callCount = 200;
/** In hex, so that they stand in no dictionary and survive every encoding as they are. */
const canary = (kind: string) => `${kind}${randomBytes(16).toString('hex')}`;
const canaries = () => ({
  tool: canary('tool'),
  argument: canary('arg'),
  header: canary('head'),
  result: canary('res'),
});
type Canaries = ReturnType<typeof canaries>;

/**
 * What the edge handles is looked for where it must be if it was ever there: in the memory of the edge's process, after many calls and while
 * one is under way. The same search finds everything in router and connector, and in the edge itself in transport mode.
 */
describe('what the edge sees', () => {
  let suite: Suite;
  let upstream: Upstream;
  const held: ServerResponse[] = [];
  beforeAll(async () => {
    suite = await startSuite();
    upstream = await Upstream.start(({ headers, body }, response) => {
      const result = String(headers['x-result-of-test']);
      const isHeld = body.includes('hold');
      response.setHeader('x-answer', result);
      if (isHeld) {
        // A stream whose answer is still to come.
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`: ${result}\n\n`);
        held.push(response);
      } else answerJson(response, JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [], note: result } }));
    });
  });
  afterAll(async () => {
    await upstream?.stop();
    await suite?.dispose();
  });

  const callWith = (tunnel: TestTunnel, { tool, argument, header, result }: Canaries, args: object): Promise<Sent> =>
    post(tunnel.mcpUrl, tunnel.apiKey, callBody(tool, { text: argument, ...args }), {
      ...modernHeaders('tools/call', tool),
      'x-private': header,
      'x-result-of-test': result,
    });
  /** Makes the calls and looks while one more is under way. */
  const search = async (mode: 'end_to_end' | 'transport') => {
    const texts = canaries();
    const tunnel = await startTunnel(suite, { upstreamPort: upstream.port, mode });
    try {
      for (let made = 0; made < callCount; made += 20) {
        const sent = await Promise.all(Array.from({ length: 20 }, () => callWith(tunnel, texts, {})));
        const answers = sent.map(({ status, text }) =>
          status === 200 && text.includes(texts.result) ? 'whole' : `${status} ${text}`,
        );
        expect(answers).toEqual(sent.map(() => 'whole'));
      }
      const open = callWith(tunnel, texts, { hold: true });
      await expect.poll(() => held.length).toBe(1);
      const find = (pid: number) => findInMemory(pid, [...Object.values(texts), tunnel.host]);
      const found = {
        router: find(suite.pidOf('router')),
        edge: find(suite.pidOf('edge')),
        connector: find(tunnel.connector.pid ?? 0),
      };
      held.pop()?.end(`data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n`);
      expect((await open).status).toBe(200);
      return { texts, host: tunnel.host, found };
    } finally {
      await tunnel.stop();
    }
  };

  verifies(
    'security:edge-sees-cipher-text',
    async () => {
      const sealed = await search('end_to_end');
      const all = new Set([...Object.values(sealed.texts), sealed.host]);
      expect(sealed.found.router).toEqual(all);
      expect(sealed.found.connector).toEqual(all);
      // Where a call goes the edge has to know; of the call itself it knows nothing.
      expect(sealed.found.edge).toEqual(new Set([sealed.host]));
      const plain = await search('transport');
      expect(plain.found.edge).toEqual(new Set([...Object.values(plain.texts), plain.host]));
    },
    180_000,
  );
});
