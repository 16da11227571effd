import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServiceError, status } from '@grpc/grpc-js';
import { identity, route } from '@sallyport/contracts';
import { callUnary, reasonOf, serviceName } from '@sallyport/grpc';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ControlBed } from './testing/control-bed.ts';
import { ScriptedScheduler } from './testing/scripted-scheduler.ts';

const time = '2026-09-21T14:13:20.123Z';
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const coded = (status: number, code: string, message: unknown = expect.any(String)) => ({
  status,
  body: { type: 'error', error: { message, details: { error_code: code } } },
});

describe('environments and sessions', () => {
  let bed: ControlBed;
  let scheduler: ScriptedScheduler;
  let ask: ControlBed['ask'];
  let foreignKey = '';

  beforeAll(async () => {
    bed = await ControlBed.start(({ directory }) => ({
      CONTROL_SCHEDULER_ADDRESS: `unix:${directory}/scheduler.sock`,
    }));
    ({ ask } = bed);
    scheduler = new ScriptedScheduler(`unix:${bed.directory}/scheduler.sock`, await bed.tls(serviceName.scheduler));
    await scheduler.start();
    foreignKey = await bed.newKey(await bed.newWorkspace('other'), ['manage', 'call']);
  });
  afterAll(async () => {
    await scheduler.stop();
    await bed.stop();
    await bed.database.drop();
  });

  const manage = (method: string, path: string, body?: unknown) => ask(method, path, bed.adminKey, body);
  const newEnvironment = async (body: object = {}) =>
    (await manage('POST', '/v1/environments', { name: 'ci', ...body })).body;
  const environmentKeys = async (as: Parameters<ControlBed['channelAs']>[0]) => {
    const channel = await bed.channelAs(as);
    const client = new identity.EnvironmentKeyServiceClient(channel.address, channel.credentials, channel.options);
    const check = (key: string) =>
      callUnary(client.checkEnvironmentKey.bind(client), { keySha256: sha256(key) }, { deadlineMs: 3_000 });
    return { check, close: () => client.close() };
  };
  const routesAs = async (as: Parameters<ControlBed['channelAs']>[0]) => {
    const channel = await bed.channelAs(as);
    return new route.RouteServiceClient(channel.address, channel.credentials, channel.options);
  };

  it('makes, reads, lists and archives environments in the shape of the public API', async () => {
    const made = await manage('POST', '/v1/environments', {
      name: 'build',
      description: 'where builds run',
      config: { type: 'self_hosted' },
      metadata: { team: 'a' },
      sallyport: { placement: { tier: 'none', region: 'eu', labels: { gpu: 'no' }, memory_mib: 512 } },
    });
    const placement = { tier: 'none', region: 'eu', runtime: 'host', labels: { gpu: 'no' }, memory_mib: 512 };
    expect(made.body).toEqual({
      id: 'env_1',
      type: 'environment',
      name: 'build',
      description: 'where builds run',
      config: { type: 'self_hosted' },
      metadata: { team: 'a' },
      scope: 'account',
      created_at: time,
      updated_at: time,
      archived_at: null,
      sallyport: { placement: { ...placement, pids: null, cpu_millis: null, workspace_mib: null } },
    });
    expect(scheduler.actors.at(-1)).toMatch(/^apikey_/);
    const plain = await newEnvironment();
    expect(plain).toMatchObject({ description: null, metadata: {}, sallyport: { placement: { tier: 'namespace' } } });
    expect((await manage('GET', '/v1/environments/env_1')).body).toEqual(made.body);
    const listed = await manage('GET', '/v1/environments?limit=5');
    expect(listed.body).toMatchObject({ data: [{ id: 'env_1' }, { id: plain.id }], next_page: 'second' });
    expect((await manage('GET', '/v1/environments?page=second')).body.next_page).toBeNull();
    expect((await manage('POST', `/v1/environments/${plain.id}/archive`)).body.archived_at).toBe(time);
    expect(await manage('POST', '/v1/sessions', { environment_id: plain.id })).toMatchObject(
      coded(400, 'environment_archived'),
    );
    expect((await manage('GET', '/v1/environments/env_1/queue')).body).toEqual({
      type: 'environment_queue',
      environment_id: 'env_1',
      waiting: 3,
      oldest_queued_at: time,
      leased: 1,
      executors: [
        {
          id: 'exec_1',
          version: '1',
          tier: 'namespace',
          region: null,
          slots: 2,
          leases: 1,
          draining: false,
          connected_at: time,
        },
      ],
    });
  });

  it('drains executors', async () => {
    const { id } = await newEnvironment();
    const drain = (executor: string) => manage('POST', `/v1/environments/${id}/executors/${executor}/drain`);
    expect((await drain('exec_1')).body).toEqual({ id: 'exec_1', type: 'executor', draining: true });
    expect(await drain('exec_2')).toMatchObject(coded(404, 'executor_not_connected'));
  });

  it('refuses what is wrong, and says what', async () => {
    const make = (body: object) => manage('POST', '/v1/environments', { name: 'x', ...body });
    const own = (placement: object) => make({ sallyport: { placement } });
    const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']));
    expect(await make({ scope: 'organization' })).toMatchObject(coded(403, 'scope_missing'));
    expect(await make({ scope: 'everybody' })).toMatchObject(coded(400, 'bad_request'));
    expect(await make({ config: { type: 'cloud' } })).toMatchObject(
      coded(400, 'bad_request', expect.stringContaining('self-hosted only')),
    );
    expect(await make({ config: {} })).toMatchObject(coded(400, 'bad_request'));
    expect(await make({ name: '' })).toMatchObject(coded(400, 'bad_request'));
    expect(await make({ name: 'x'.repeat(256) })).toMatchObject(coded(400, 'bad_request'));
    for (const metadata of [pairs, { k: 1 }, { ['k'.repeat(65)]: '' }, { k: 'v'.repeat(513) }, { '': 'v' }, [], 'x'])
      expect(await make({ metadata })).toMatchObject(coded(400, 'invalid_metadata'));
    expect(await manage('POST', '/v1/environments', '{"name":"x","metadata":{"__proto__":"x"}}')).toMatchObject(
      coded(400, 'invalid_metadata'),
    );
    for (const placement of [{ teir: 'none' }, { tier: 'vm' }, { pids: 0 }, { pids: '1' }, { memory_mib: 2 ** 32 }])
      expect(await own(placement)).toMatchObject(coded(400, 'bad_request'));
    expect(await own({ labels: { a: 1 } })).toMatchObject(coded(400, 'bad_request'));
    expect(await manage('GET', '/v1/environments?limit=101')).toMatchObject(coded(400, 'bad_request'));
    expect(await manage('GET', '/v1/environments?page=foreign')).toMatchObject(coded(400, 'bad_request'));
    expect(await ask('GET', '/v1/environments', bed.agentKey)).toMatchObject(coded(403, 'scope_missing'));
    for (const path of ['', '/queue'])
      expect(await ask('GET', `/v1/environments/env_1${path}`, foreignKey)).toMatchObject(
        coded(404, 'environment_not_found'),
      );
  });

  it('makes, reads, lists and archives sessions', async () => {
    const { id: environmentId } = await newEnvironment();
    const made = await manage('POST', '/v1/sessions', {
      environment_id: environmentId,
      title: 't',
      metadata: { a: 'b' },
    });
    expect(made.body).toEqual({
      id: 'sesn_1',
      type: 'session',
      agent: null,
      environment_id: environmentId,
      status: 'idle',
      title: 't',
      metadata: { a: 'b' },
      resources: [],
      vault_ids: [],
      outcome_evaluations: [],
      stats: {},
      usage: {},
      budget: null,
      created_at: time,
      updated_at: time,
      archived_at: null,
      sallyport: { mcp_path: '/v1/sessions/sesn_1/mcp' },
    });
    expect((await manage('GET', '/v1/sessions/sesn_1')).body).toEqual(made.body);
    expect((await manage('GET', '/v1/sessions')).body).toEqual({ data: [made.body], next_page: null, prev_page: null });
    expect((await manage('GET', '/v1/sessions/sesn_1/events?limit=1000')).body).toEqual({
      data: [{ id: 'sevt_1', type: 'session.status_idle', processed_at: time, stop_reason: { type: 'end_turn' } }],
      next_page: null,
    });
    expect((await manage('POST', '/v1/sessions/sesn_1/archive')).body).toMatchObject({
      status: 'terminated',
      archived_at: time,
    });
    expect(await ask('GET', '/v1/sessions/sesn_1', foreignKey)).toMatchObject(coded(404, 'session_not_found'));
    expect(await manage('POST', '/v1/sessions', {})).toMatchObject(coded(400, 'bad_request'));
    for (const unserved of [{ resources: [{}] }, { initial_events: [{}] }, { vault_ids: ['vlt_1'] }, { budget: {} }])
      expect(await manage('POST', '/v1/sessions', { environment_id: environmentId, ...unserved })).toMatchObject(
        coded(400, 'bad_request', expect.stringContaining(Object.keys(unserved)[0] ?? '')),
      );
    expect(await manage('POST', '/v1/sessions', { environment_id: environmentId, metadata: { a: 1 } })).toMatchObject(
      coded(400, 'invalid_metadata'),
    );
  });

  it('issues environment keys that the scheduler can check, until they are revoked', async () => {
    const { id } = await newEnvironment();
    const path = `/v1/environments/${id}/keys`;
    const made = await manage('POST', path, { name: 'worker' });
    expect(made.headers.get('cache-control')).toBe('no-store');
    const { environment_key: secret, ...shown } = made.body;
    expect(secret).toMatch(/^ek-sallyport-[\w-]{43}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^envkey_/),
      type: 'environment_key',
      environment_id: id,
      name: 'worker',
      created_at: expect.any(String),
      revoked_at: null,
    });
    expect((await manage('GET', path)).body).toEqual({ data: [shown], next_page: null });
    expect(await manage('POST', path, {})).toMatchObject(coded(400, 'bad_request'));
    expect(await ask('POST', path, foreignKey, { name: 'x' })).toMatchObject(coded(404, 'environment_not_found'));
    expect((await ask('GET', path, foreignKey)).body.data).toEqual([]);
    const revoke = `${path}/${shown.id}/revoke`;
    expect(await ask('POST', revoke, foreignKey)).toMatchObject(coded(404, 'environment_key_not_found'));

    const asScheduler = await environmentKeys(serviceName.scheduler);
    const accepted = { keyId: shown.id, environmentId: id, workspaceId: bed.workspaceId };
    expect(await asScheduler.check(secret)).toEqual({ accepted });
    expect((await asScheduler.check('ek-sallyport-other')).accepted).toBeUndefined();
    const asRouter = await environmentKeys(serviceName.router);
    await expect(asRouter.check(secret)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });

    const routes = await routesAs(serviceName.scheduler);
    const revisions: bigint[] = [];
    const watch = routes.watchRevision({});
    watch.on('data', (message: route.WatchRevisionResponse) => revisions.push(message.revision));
    watch.on('error', () => undefined);
    await expect.poll(() => revisions.length).toBeGreaterThan(0);
    const before = revisions.at(-1) ?? 0n;
    const revoked = await manage('POST', revoke);
    expect(revoked.body.revoked_at).not.toBeNull();
    expect((await asScheduler.check(secret)).accepted).toBeUndefined();
    await expect.poll(() => revisions.at(-1)).toBeGreaterThan(before);
    expect((await manage('POST', revoke)).body).toEqual(revoked.body);
    watch.cancel();
    for (const client of [asScheduler, asRouter, routes]) client.close();

    await expect
      .poll(async () => {
        const types = (await bed.publishedEvents()).map((event) => event['type']);
        return types.filter((type) => String(type).includes('environment_key'));
      })
      .toEqual(['sallyport.control.environment_key_created.v1', 'sallyport.control.environment_key_revoked.v1']);
    expect(JSON.stringify(await bed.publishedEvents())).not.toContain(secret);
  });

  it('tells the router who calls, and the scheduler what the policy is', async () => {
    const [router, asScheduler] = [await routesAs(serviceName.router), await routesAs(serviceName.scheduler)];
    const deadline = { deadlineMs: 3_000 };
    const principal = async (key: string) => {
      const request = { credentialSha256: sha256(key) };
      return (await callUnary(router.resolvePrincipal.bind(router), request, deadline)).principal;
    };
    const { body } = await ask('GET', '/v1/api_keys', bed.adminKey);
    const agent = (body.data as { id: string; name: string }[]).find(({ name }) => name === 'agent');
    expect(await principal(bed.agentKey)).toEqual({ workspaceId: bed.workspaceId, principalId: agent?.id });
    const watcher = await bed.newKey(bed.workspaceId, ['audit']);
    for (const key of ['wrong', watcher, bed.operatorKey]) expect(await principal(key)).toBeUndefined();

    const policy = (workspaceId: string, client = asScheduler) =>
      callUnary(client.resolvePolicy.bind(client), { workspaceId }, deadline);
    await manage('POST', '/v1/policy', { rules: [{ effect: 'allow', environment: 'ci-*', tool: 'bash' }] });
    expect(await policy(bed.workspaceId)).toMatchObject({
      revision: expect.any(BigInt),
      policy: { policyId: expect.stringMatching(/^pol_/), rules: [{ environment: 'ci-*', name: 'bash' }] },
    });
    const unknown = await policy('wrkspc_none').catch((error: unknown) => error as ServiceError);
    expect(unknown).toMatchObject({ code: status.NOT_FOUND });
    expect(reasonOf(unknown as ServiceError)).toBe('workspace_unknown');
    await expect(policy(bed.workspaceId, router)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    await manage('POST', `/v1/api_keys/${agent?.id}/revoke`);
    expect(await principal(bed.agentKey)).toBeUndefined();
    for (const client of [router, asScheduler]) client.close();
  });

  it('says at once that the scheduler is away, and revokes keys all the same', async () => {
    const { id } = await newEnvironment();
    const key = (await manage('POST', `/v1/environments/${id}/keys`, { name: 'k' })).body.id;
    await scheduler.stop();
    await sleep(100);
    for (const path of ['/v1/environments', '/v1/sessions', '/v1/sessions/sesn_1/events']) {
      const startedMs = performance.now();
      const answer = await manage('GET', path);
      expect(answer).toMatchObject(coded(503, 'scheduler_unavailable'));
      expect(answer.headers.get('retry-after')).toBe('2');
      expect(performance.now() - startedMs).toBeLessThan(2_000);
    }
    expect(await manage('POST', `/v1/environments/${id}/keys`, { name: 'k' })).toMatchObject(
      coded(503, 'scheduler_unavailable'),
    );
    expect((await manage('POST', `/v1/environments/${id}/keys/${key}/revoke`)).body.revoked_at).not.toBeNull();
  });
});

it('without a scheduler, says that there is none', async () => {
  const bed = await ControlBed.start();
  const answer = await bed.ask('GET', '/v1/environments', bed.adminKey);
  expect(answer).toMatchObject(
    coded(503, 'scheduler_unavailable', expect.stringContaining('CONTROL_SCHEDULER_ADDRESS')),
  );
  await bed.stop();
  await bed.database.drop();
});
