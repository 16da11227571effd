import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { identity, route } from '@sallyport/contracts';
import { callUnary, serviceName } from '@sallyport/grpc';
import { createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ControlBed, tomorrow } from './testing/control-bed.ts';
import type { Answer } from './testing/rest-client.ts';

describe('control', () => {
  let bed: ControlBed;
  let ask: ControlBed['ask'];
  let workspaceId = '';
  let operatorKey = '';
  let adminKey = '';
  let agentKey = '';

  beforeAll(async () => {
    bed = await ControlBed.start();
    ({ ask, workspaceId, operatorKey, adminKey, agentKey } = bed);
  });
  afterAll(async () => {
    await bed.stop();
    await bed.database.drop();
  });

  const newTunnel = async (name: string) => (await ask('POST', '/v1/tunnels', adminKey, { display_name: name })).body;
  const caPem = async () => (await createCertificateAuthority('tunnel CA', tomorrow)).certificatePem;

  it('tells who may do what, in the envelope of the public API', async () => {
    for (const key of [undefined, 'wrong', 'x'.repeat(600)]) {
      const answer = await ask('GET', '/v1/tunnels', key);
      expect(answer).toMatchObject({
        status: 401,
        body: { type: 'error', error: { type: 'authentication_error', details: { error_code: 'credential_unknown' } } },
      });
      expect(answer.headers.get('request-id')).toBe(answer.body.request_id);
    }
    expect(await ask('GET', '/v1/tunnels', agentKey)).toMatchObject({
      status: 403,
      body: { error: { details: { error_code: 'scope_missing' } } },
    });
    expect(await ask('POST', '/v1/workspaces', adminKey, { name: 'mine' })).toMatchObject({ status: 403 });
    expect(await ask('POST', '/v1/api_keys', adminKey, { name: 'x', scopes: ['operate'] })).toMatchObject({
      status: 403,
      body: { error: { details: { error_code: 'scope_not_yours' } } },
    });
    expect(await ask('GET', '/v1/tunnels', operatorKey)).toMatchObject({
      status: 400,
      body: { error: { details: { error_code: 'workspace_missing' } } },
    });
    expect(
      await ask('GET', '/v1/tunnels', adminKey, undefined, { 'anthropic-workspace-id': 'wrkspc_other' }),
    ).toMatchObject({ status: 403 });
    expect(await ask('GET', '/v1/nothing', adminKey)).toMatchObject({
      status: 404,
      body: { type: 'error', error: { type: 'not_found_error' } },
    });
    const viaApiKeyHeader = await fetch(`${bed.base}/v1/tunnels?beta=true`, { headers: { 'x-api-key': adminKey } });
    expect(viaApiKeyHeader.status).toBe(200);
  });

  it('serves the ten tunnel endpoints', async () => {
    const tunnel = await newTunnel('one');
    expect(tunnel).toMatchObject({
      type: 'tunnel',
      display_name: 'one',
      archived_at: null,
      sallyport: { mode: 'end_to_end', router_unauthenticated: false },
    });
    expect(tunnel.domain).toMatch(/^[a-z0-9]{16}\.tunnels\.example$/);
    expect((await ask('GET', `/v1/tunnels/${tunnel.id}`, adminKey)).body).toEqual(tunnel);
    const revealed = (await ask('POST', `/v1/tunnels/${tunnel.id}/reveal_token`, adminKey)).body;
    expect((await ask('POST', `/v1/tunnels/${tunnel.id}/reveal_token`, adminKey)).body).toEqual(revealed);
    const parts = JSON.parse(Buffer.from(revealed.tunnel_token, 'base64').toString());
    expect(parts).toMatchObject({ a: workspaceId });
    const rotated = (await ask('POST', `/v1/tunnels/${tunnel.id}/rotate_token`, adminKey, { reason: 'leaked' })).body;
    expect(rotated.tunnel_token).not.toBe(revealed.tunnel_token);

    const certificate = await ask('POST', `/v1/tunnels/${tunnel.id}/certificates`, adminKey, {
      ca_certificate_pem: await caPem(),
    });
    expect(certificate).toMatchObject({
      status: 200,
      body: { type: 'tunnel_certificate', tunnel_id: tunnel.id, archived_at: null },
    });
    expect((await ask('GET', `/v1/tunnels/${tunnel.id}/certificates/${certificate.body.id}`, adminKey)).body).toEqual(
      certificate.body,
    );
    await ask('POST', `/v1/tunnels/${tunnel.id}/certificates`, adminKey, { ca_certificate_pem: await caPem() });
    expect(
      await ask('POST', `/v1/tunnels/${tunnel.id}/certificates`, adminKey, { ca_certificate_pem: await caPem() }),
    ).toMatchObject({ status: 400, body: { error: { details: { error_code: 'too_many_certificates' } } } });
    const archivedCertificate = (
      await ask('POST', `/v1/tunnels/${tunnel.id}/certificates/${certificate.body.id}/archive`, adminKey)
    ).body;
    expect(archivedCertificate.archived_at).not.toBeNull();
    expect((await ask('GET', `/v1/tunnels/${tunnel.id}/certificates`, adminKey)).body.data).toHaveLength(1);
    expect(
      (await ask('GET', `/v1/tunnels/${tunnel.id}/certificates?include_archived=true`, adminKey)).body.data,
    ).toHaveLength(2);

    const archived = (await ask('POST', `/v1/tunnels/${tunnel.id}/archive`, adminKey)).body;
    expect((await ask('POST', `/v1/tunnels/${tunnel.id}/archive`, adminKey)).body).toEqual(archived);
    expect(await ask('POST', `/v1/tunnels/${tunnel.id}/reveal_token`, adminKey)).toMatchObject({
      status: 400,
      body: { error: { details: { error_code: 'tunnel_archived' } } },
    });
    expect(await ask('GET', '/v1/tunnels/tnl_none', adminKey)).toMatchObject({ status: 404 });
  });

  it('pages newest first and refuses foreign cursors', async () => {
    const made = [(await newTunnel('a')).id, (await newTunnel('b')).id, (await newTunnel('c')).id];
    const seen: string[] = [];
    let page: string | null = '';
    while (page !== null) {
      const answer: Answer = await ask('GET', `/v1/tunnels?limit=2${page === '' ? '' : `&page=${page}`}`, adminKey);
      seen.push(...answer.body.data.map((tunnel: { id: string }) => tunnel.id));
      page = answer.body.next_page;
    }
    expect(seen).toEqual(made.toReversed());
    expect(await ask('GET', '/v1/tunnels?page=nonsense', adminKey)).toMatchObject({ status: 400 });
    expect(await ask('GET', '/v1/tunnels?limit=0', adminKey)).toMatchObject({ status: 400 });
    for (const id of made) await ask('POST', `/v1/tunnels/${id}/archive`, adminKey);
  });

  it('refuses bad bodies and bad certificates with the reason', async () => {
    const tunnel = await newTunnel('certs');
    const register = (pem: unknown) =>
      ask('POST', `/v1/tunnels/${tunnel.id}/certificates`, adminKey, { ca_certificate_pem: pem });
    const ca = await createCertificateAuthority('x', tomorrow);
    const leaf = await issueCertificate(ca, { dnsNames: ['x'], notAfter: tomorrow, usage: 'server' });
    const codes = await Promise.all([
      register(7),
      register('nonsense'),
      register(leaf.certificatePem),
      register(ca.certificatePem + ca.keyPem),
      register(ca.certificatePem + ca.certificatePem),
    ]);
    expect(codes.map((answer) => [answer.status, answer.body.error.details.error_code])).toEqual([
      [400, 'bad_request'],
      [400, 'ca_certificate_not_one_certificate'],
      [400, 'ca_certificate_not_a_ca'],
      [400, 'ca_certificate_private_key'],
      [400, 'ca_certificate_not_one_certificate'],
    ]);
    expect((await register(ca.certificatePem)).body.fingerprint).toBe(
      new X509Certificate(ca.certificatePem).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
    expect(await register(ca.certificatePem)).toMatchObject({
      status: 400,
      body: { error: { details: { error_code: 'certificate_registered' } } },
    });
    expect(await ask('POST', '/v1/tunnels', adminKey, '{"display_name":')).toMatchObject({ status: 400 });
    expect(await ask('POST', '/v1/tunnels', adminKey, '[]')).toMatchObject({ status: 400 });
    expect(await ask('POST', '/v1/tunnels', adminKey, { display_name: 'x'.repeat(256) })).toMatchObject({
      status: 400,
    });
    expect(await ask('POST', '/v1/tunnels', adminKey, ' '.repeat(300_000))).toMatchObject({
      status: 413,
      body: { error: { type: 'request_too_large' } },
    });
    await ask('POST', `/v1/tunnels/${tunnel.id}/archive`, adminKey);
  });

  it('answers the edge and the router, and tells the router of changes at once', async () => {
    const edgeChannel = await bed.channelAs(serviceName.edge);
    const routerChannel = await bed.channelAs(serviceName.router);
    const tokens = new identity.TunnelTokenServiceClient(
      edgeChannel.address,
      edgeChannel.credentials,
      edgeChannel.options,
    );
    const routes = new route.RouteServiceClient(
      routerChannel.address,
      routerChannel.credentials,
      routerChannel.options,
    );
    const tunnel = await newTunnel('grpc');
    const token = JSON.parse(
      Buffer.from(
        (await ask('POST', `/v1/tunnels/${tunnel.id}/reveal_token`, adminKey)).body.tunnel_token,
        'base64',
      ).toString(),
    );
    const check = (accountTag: string, secret: Buffer) =>
      callUnary(
        tokens.checkTunnelToken.bind(tokens),
        { accountTag, tunnelUuid: token.t, tunnelSecret: secret },
        { deadlineMs: 3_000 },
      );
    expect((await check(token.a, Buffer.from(token.s, 'base64'))).outcome).toEqual({
      $case: 'accepted',
      value: { tunnelId: tunnel.id },
    });
    expect((await check('other', Buffer.from(token.s, 'base64'))).outcome).toMatchObject({ $case: 'refused' });
    expect((await check(token.a, randomBytes(32))).outcome).toMatchObject({ $case: 'refused' });

    const resolve = (key: string, host: string) =>
      callUnary(
        routes.resolveRoute.bind(routes),
        { credentialSha256: createHash('sha256').update(key).digest(), host },
        { deadlineMs: 3_000 },
      );
    const revisions: bigint[] = [];
    const watch = routes.watchRevision({});
    watch.on('data', (message: route.WatchRevisionResponse) => revisions.push(message.revision));
    watch.on('error', () => undefined);
    expect((await ask('POST', '/v1/policy', adminKey, { rules: [{ effect: 'allow', tool: 'echo' }] })).status).toBe(
      200,
    );
    expect(await ask('POST', '/v1/policy', adminKey, { rules: [{ effect: 'maybe' }] })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('rules[0]') } },
    });
    const resolved = await resolve(agentKey, `sample.${tunnel.domain}`);
    expect(resolved.outcome).toMatchObject({
      $case: 'route',
      value: { tunnelId: tunnel.id, server: 'sample', policy: { rules: [{ name: 'echo', method: 'tools/call' }] } },
    });
    expect((await resolve('wrong', `sample.${tunnel.domain}`)).outcome).toEqual({
      $case: 'refused',
      value: route.RouteRefusal.CREDENTIAL_UNKNOWN,
    });
    expect((await resolve(agentKey, 'sample.other.tunnels.example')).outcome).toEqual({
      $case: 'refused',
      value: route.RouteRefusal.HOST_UNKNOWN,
    });
    expect((await resolve(operatorKey, `sample.${tunnel.domain}`)).outcome).toEqual({
      $case: 'refused',
      value: route.RouteRefusal.HOST_UNKNOWN,
    });

    const keys = (await ask('GET', '/v1/api_keys', adminKey)).body.data as { id: string; name: string }[];
    const before = revisions.at(-1) ?? 0n;
    await ask('POST', `/v1/api_keys/${keys.find((key) => key.name === 'agent')?.id}/revoke`, adminKey);
    expect((await resolve(agentKey, `sample.${tunnel.domain}`)).outcome).toEqual({
      $case: 'refused',
      value: route.RouteRefusal.CREDENTIAL_UNKNOWN,
    });
    for (let tries = 0; tries < 100 && (revisions.at(-1) ?? 0n) <= before; tries += 1) await sleep(20);
    expect(revisions.at(-1)).toBeGreaterThan(before);
    await ask('POST', `/v1/tunnels/${tunnel.id}/archive`, adminKey);
    expect((await check(token.a, Buffer.from(token.s, 'base64'))).outcome).toEqual({
      $case: 'refused',
      value: identity.TunnelTokenRefusal.ARCHIVED,
    });
    watch.cancel();
    tokens.close();
    routes.close();
  });

  it('answers texts that no database holds as the mistakes they are', async () => {
    const refusedAsBad = { status: 400, body: { error: { details: { error_code: 'bad_request' } } } };
    for (const name of ['a\\u0000b', '\\ud800'])
      expect(await ask('POST', '/v1/tunnels', adminKey, `{"display_name":"${name}"}`)).toMatchObject(refusedAsBad);
    const rules = `{"rules":[{"effect":"allow","tool":"\\ud800"}]}`;
    expect(await ask('POST', '/v1/policy', adminKey, rules)).toMatchObject(refusedAsBad);
    expect(await ask('GET', '/v1/tunnels/tnl_%00', adminKey)).toMatchObject(refusedAsBad);
    for (const cursor of ['["1","tnl_1"]', '["2026-01-01T00:00:00.000Z","\\u0000"]', '["Jan 1 (x)","a"]']) {
      const page = Buffer.from(cursor).toString('base64url');
      expect(await ask('GET', `/v1/tunnels?page=${page}`, adminKey)).toMatchObject(refusedAsBad);
    }
  });

  it('publishes an audit event of every change, in a gapless sequence, without a secret', async () => {
    await sleep(500);
    const events = await bed.publishedEvents();
    expect(events.map((event) => Number(event['sequence']))).toEqual(events.map((_event, index) => index + 1));
    const types = new Set(events.map((event) => event['type']));
    for (const name of [
      'workspace_created',
      'api_key_created',
      'api_key_revoked',
      'policy_changed',
      'tunnel_created',
      'tunnel_archived',
      'tunnel_token_revealed',
      'tunnel_token_rotated',
      'tunnel_certificate_registered',
      'tunnel_certificate_archived',
    ]) {
      expect(types).toContain(`sallyport.control.${name}.v1`);
    }
    const text = JSON.stringify(events);
    for (const secret of [operatorKey, adminKey, agentKey]) expect(text).not.toContain(secret);
  });

  it('stops at once, whoever listens to it', async () => {
    const channel = await bed.channelAs(serviceName.router);
    const routes = new route.RouteServiceClient(channel.address, channel.credentials, channel.options);
    const watch = routes.watchRevision({});
    const ended = new Promise((resolve) => watch.once('end', resolve));
    watch.on('error', () => undefined);
    await new Promise((resolve) => watch.once('data', resolve));
    watch.resume();
    const startedMs = performance.now();
    expect(await bed.stop()).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(2_500);
    await ended;
    routes.close();
  });
});
