import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, legacy, legacyCall, RelayBed } from '../../testing/relay-bed.ts';

let bed: RelayBed;
beforeEach(async () => {
  bed = await new RelayBed().start();
});
afterEach(() => bed.stop());

const path = '/.well-known/oauth-protected-resource/mcp';
const document = '{"resource": "https://files.x.tunnels.example/mcp", "authorization_servers": ["https://as.example"]}';

async function ask(url = path) {
  const arrives = bed.upstreams.next();
  const client = bed.get({}, 'GET', url);
  return { client, sent: await arrives };
}

describe('the metadata of a private server', () => {
  it.each([path, '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource?a=b'])(
    'can be read at %s, as it is',
    async (url) => {
      const { client, sent } = await ask(url);
      expect(sent.request.path).toBe(url);
      sent.json(document);
      expect([await client.status(), await client.whole()]).toEqual([200, document]);
    },
  );

  it('may be missing, in the server’s own words', async () => {
    const { client, sent } = await ask();
    sent.json('{"error":"none"}', 404);
    expect([await client.status(), await client.whole()]).toEqual([404, '{"error":"none"}']);
  });

  it.each([
    ['no JSON', 'text/html', '<p>secret</p>'],
    ['no object', 'application/json', '["secret"]'],
    ['about no resource', 'application/json', '{"secret":1}'],
    ['no whole document', 'application/json', '{"secret":'],
    ['too long', 'application/json', `{"secret":"${'x'.repeat(70_000)}"}`],
  ])('is not passed on where it is %s', async (_, type, text) => {
    const { client, sent } = await ask();
    sent.head(200, [['content-type', type]]).end(text);
    const told = await client.whole();
    expect([await client.status(), told]).toEqual([502, expect.stringContaining('not_resource_metadata')]);
    expect(told).not.toContain('secret');
  });

  it.each([
    '/.well-known/oauth-protected-resources',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-protected-resource/..;/..;/actuator/env',
    '/.well-known/oauth-protected-resource/%252e%252e/admin',
    '/.well-known/oauth-protected-resource//admin',
    '/mcp',
  ])('is all that can be read: %s is not', async (url) => {
    const { client, sent } = await ask(url);
    sent.json('{"resource":"secret"}');
    expect(await client.whole()).toContain('not_an_event_stream');
  });
});

describe('a token for the private server', () => {
  it('goes on beside a key in X-Api-Key, which does not', async () => {
    const arrives = bed.upstreams.next();
    const client = bed.post(legacyCall(), {
      ...legacy,
      'x-api-key': 'sk-alice',
      authorization: 'Bearer of-the-server',
    });
    const sent = await arrives;
    expect(sent.request.headers).toContainEqual(['authorization', 'Bearer of-the-server']);
    expect(JSON.stringify(sent.request.headers)).not.toContain('sk-alice');
    sent.json(answer());
    expect(await client.status()).toBe(200);
  });

  it('may be refused by it, with its challenge', async () => {
    const arrives = bed.upstreams.next();
    const client = bed.post(legacyCall(), { ...legacy, 'x-api-key': 'sk-alice', authorization: 'Bearer expired' });
    const challenge = 'Bearer resource_metadata="https://files.x.tunnels.example/.well-known/oauth-protected-resource"';
    (await arrives).json('{"error":"invalid_token"}', 401, [['www-authenticate', challenge]]);
    expect(await client.status()).toBe(401);
    expect((await client.response).headers['www-authenticate']).toBe(challenge);
  });

  it('is no key of ours: one beside a wrong X-Api-Key lets nobody in', async () => {
    const client = bed.post(legacyCall(), { ...legacy, 'x-api-key': 'nobody', authorization: 'Bearer sk-alice' });
    expect(await client.status()).toBe(401);
    expect(bed.upstreams.sent).toEqual([]);
  });
});
